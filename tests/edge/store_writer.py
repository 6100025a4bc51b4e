"""A process that writes events and says which of them are on the disk, until it is killed.

Arguments: the folder of the memory.
"""

import sys
from pathlib import Path

from store_parts import open_recorder, picture, tell


def main(folder: Path) -> None:
    recorder = open_recorder(folder)
    while True:
        event_id = tell(recorder, snapshot=picture())
        if recorder.flush(timeout_seconds=30):
            sys.stdout.write(event_id + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
