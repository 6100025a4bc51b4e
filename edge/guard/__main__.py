"""`python -m edge.guard` owns an output; with `--release FOLDER` it makes those of it safe."""

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Do so and return the exit code."""
    if arguments[:1] != ["--release"]:
        from edge.guard.process import guard_output

        return guard_output()
    from edge.errors import CatseyeError, SettingError
    from edge.guard.safety import release_all

    try:
        if len(arguments) != 2:
            raise SettingError(
                "--release takes the folder of the memory",
                received=" ".join(arguments[1:]) or "nothing",
                fix="Write for example python -m edge.guard --release /var/lib/edge",
            )
        for name in release_all(Path(arguments[1])):
            os.write(2, f"edge: output {name}: released\n".encode())
    except CatseyeError as error:
        os.write(2, f"edge: {error}\n".encode())
        return error.exit_code
    return 0


sys.exit(main(sys.argv[1:]))
