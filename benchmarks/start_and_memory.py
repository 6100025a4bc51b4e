"""How long `edge run` takes to its first label, how much memory it keeps, and what both are for.

    python benchmarks/start_and_memory.py --source clip.mp4
    python benchmarks/start_and_memory.py --source clip.mp4 --minutes 1

- Start: from the shell to the first label, the model verified before, timed from outside; it takes
  turns with the bare script, which does with LiteRT and OpenCV what has to be done and no more.
- What the start is spent on: import times by `-X importtime`, by package, and the rest.
- Memory: proportional set size of all processes of a running instance that reads a loopback camera
  (MJPEG over HTTP, 640x480, 30 per second, served by this program), every few seconds. Whoever else
  runs Python at that time bears a share of its libraries, so the same is also given as if nobody
  did: what is mapped from files counts once, in full. This program itself loads none of them.
- What the memory is spent on: the same by mapping, at the end, in MB of 1,000,000 bytes.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopback_camera import LoopbackCamera

START_LIMIT_SECONDS, MEMORY_LIMIT_MB = 0.5, 110.0
SAMPLE_SECONDS = 2.0
WARM_UP_SECONDS = 5.0


# What a person writes who wants one label, with LiteRT and OpenCV.
BARE_SCRIPT = """
import sys
import cv2
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
_, frame = cv2.VideoCapture(sys.argv[2]).read()
picture = cv2.cvtColor(cv2.resize(frame, tuple(takes["shape"][2:0:-1])), cv2.COLOR_BGR2RGB)
interpreter.set_tensor(takes["index"], picture[None])
interpreter.invoke()
print(interpreter.get_tensor(gives["index"]).argmax(), flush=True)
with open("/proc/self/smaps_rollup") as rollup:
    print(next(line for line in rollup if line.startswith("Pss:")).split()[1])
"""

PREPARE = """
import json, sys
from edge.benchmark import describe_machine
from edge.integrity import verify_model
from edge.modelfile import default_model_path, read_model_file
from pathlib import Path
model = read_model_file(Path(sys.argv[1]) if sys.argv[1] else default_model_path())
verify_model(model)
print(json.dumps({"machine": describe_machine(), "model": str(model.path)}))
"""

# A bright square that wanders over coarse noise, 640x480, as JPEG in hexadecimal digits.
DRAW_PICTURES = """
import cv2
import numpy as np
for number in range(60):
    noise = np.random.default_rng(number).integers(0, 128, (60, 80, 3), np.uint8)
    frame_bgr = cv2.resize(noise, (640, 480))
    left = number * 8 % 560
    frame_bgr[200:280, left : left + 80] = 220
    print(bytes(cv2.imencode(".jpg", frame_bgr)[1]).hex())
"""

PACKAGES = (
    ("NumPy", ("numpy",)),
    ("OpenCV", ("cv2",)),
    ("LiteRT", ("ai_edge_litert", "flatbuffers", "backports", "ml_dtypes")),
    ("Typer", ("typer", "click", "shellingham", "annotated_doc")),
    ("rich", ("rich", "pygments", "markdown_it")),
    ("Pillow", ("PIL",)),
    ("catseye", ("edge",)),
)
MAPPINGS = (  # the first that is found in the name of the file
    ("NumPy", ("/numpy/", "/numpy.libs/")),
    ("OpenCV", ("/cv2/", "/opencv_python")),
    ("LiteRT", ("/ai_edge_litert/", "/ml_dtypes/")),
    ("Pillow", ("/PIL/", "/pillow.libs/")),
    ("frames in shared memory", ("memfd:", "/dev/shm/")),
    ("model file, mapped", (".tflite",)),
    ("Python", ("/libpython", "/lib-dynload/", "/bin/python")),
    ("heap and stacks (Python, NumPy, model, buffers)", ("[heap]", "[anon]", "[stack]")),
    ("libraries of the system", ("/lib/",)),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="a video file")
    parser.add_argument("--model", type=Path, help="the embedded one by default")
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    facts = json.loads(ask_python(PREPARE, str(arguments.model or "")))
    print(facts["machine"])
    model = Path(facts["model"])
    show_starts(model, arguments.source, arguments.starts)
    show_imports(model, arguments.source)
    show_memory(model, arguments.minutes * 60)


def ask_python(program: str, *words: str) -> str:
    """Run a program in a process of its own, which loads what this one must not; its output."""
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def run_command(model: Path, *words: object) -> list[str]:
    """Return the command of an instance that writes JSON lines."""
    command = [sys.executable, "-m", "edge", "run", "--model", str(model), "--json"]
    return [*command, *map(str, words)]


def show_starts(model: Path, source: Path, starts: int) -> None:
    """Print how long both ways take to the first label."""
    ours = run_command(model, "--source", source, "--max-frames", 1)
    bare = [sys.executable, "-c", BARE_SCRIPT, str(model), str(source)]
    rounds = [(first_line_seconds(bare)[0], first_line_seconds(ours)[0]) for _ in range(starts + 1)]
    bares, own = zip(*rounds[1:], strict=True)  # the first fills the caches
    bare_mb = int(first_line_seconds(bare)[1].split()[1]) * 1024 / 1e6
    print(f"\nfrom the shell to the first label, median of {starts} starts that take turns")
    print(f"  {'bare script':<28}{statistics.median(bares):8.3f} s {bare_mb:9.1f} MB")
    own_seconds = statistics.median(own)
    ratio = statistics.median(mine / theirs for theirs, mine in zip(bares, own, strict=True))
    verdict = "within" if own_seconds <= START_LIMIT_SECONDS else "OVER"
    print(
        f"  {'edge run --max-frames 1':<28}{own_seconds:8.3f} s, {ratio:.2f} times the bare "
        f"script; {verdict} {START_LIMIT_SECONDS} s"
    )


def first_line_seconds(command: Sequence[str]) -> tuple[float, str]:
    """Start a command; return the seconds until its first line, and all that it writes."""
    with tempfile.TemporaryFile("w+") as log:
        started = time.perf_counter()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process:
            lines = iter(process.stdout or ())
            first = next(lines, "")
            seconds = time.perf_counter() - started
            said = first + "".join(lines)
        log.seek(0)
        if process.returncode or not first:
            sys.exit(f"{command[:4]} ended with {process.returncode}: {log.read().strip()[-500:]}")
    return seconds, said


def show_imports(model: Path, source: Path) -> None:
    """Print where the time of a start goes, in the process that decides."""
    command = run_command(model, "--source", source, "--max-frames", 1)
    command[1:1] = ["-X", "importtime"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    whole_ms = (time.perf_counter() - started) * 1000
    found: Counter[str] = Counter()
    for self_us, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr):
        package = module.partition(".")[0]
        names = [name for name, roots in PACKAGES if package in roots]
        found[names[0] if names else "Python's own modules"] += int(self_us)
    print("\nwhat a start is spent on, ms (imports by package, measured with -X importtime)")
    for name, microseconds in found.most_common():
        print(f"  {name:<28}{microseconds / 1000:8.1f}")
    rest_ms = whole_ms - found.total() / 1000
    print(f"  {'interpreter, model, source, end':<28}{rest_ms:5.1f}")


def noise_pictures() -> list[bytes]:
    """Return moving noise as JPEG files."""
    return [bytes.fromhex(line) for line in ask_python(DRAW_PICTURES).splitlines()]


def show_memory(model: Path, seconds: float) -> None:
    """Print the memory of a running instance over time, and what it is."""
    with LoopbackCamera(noise_pictures()) as camera, tempfile.TemporaryFile("w+") as log:
        command = run_command(model, "--source", camera.address)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        lines = LineCounter(process)
        try:
            time.sleep(WARM_UP_SECONDS)
            samples = watch_memory(process.pid, seconds)
            pids = family(process.pid)
            groups = {pid: mapped_mb(pid) for pid in pids}
            alone_mb = mapped_alone_mb(pids)
        finally:
            process.terminate()
            process.wait(timeout=10)
        log.seek(0)
        report_memory(samples, lines.count / (time.perf_counter() - lines.started), seconds)
        print(f"  {alone_mb:.1f} MB at the end if no other program used its libraries")
        report_groups(groups)


def watch_memory(pid: int, seconds: float) -> list[float]:
    """Return the proportional set size of a process and its children, in MB, over time."""
    ends = time.perf_counter() + seconds
    samples: list[float] = []
    while not samples or time.perf_counter() < ends:
        samples.append(sum(pss_mb(member) for member in family(pid)))
        time.sleep(SAMPLE_SECONDS)
    return samples


def report_memory(samples: list[float], rate_hz: float, seconds: float) -> None:
    """Print the course of the memory."""
    part = max(1, len(samples) // 5)
    early, late = statistics.median(samples[:part]), statistics.median(samples[-part:])
    verdict = "within" if max(samples) <= MEMORY_LIMIT_MB else "OVER"
    print(f"\nmemory of all processes over {seconds / 60:.1f} min, {rate_hz:.1f} lines per second")
    print(
        f"  median {statistics.median(samples):.1f} MB, most {max(samples):.1f} MB; {verdict} ",
        end="",
    )
    print(f"{MEMORY_LIMIT_MB:g} MB")
    print(f"  first fifth {early:.1f} MB, last fifth {late:.1f} MB, {late - early:+.2f} MB")


def report_groups(groups: dict[int, Counter[str]]) -> None:
    """Print what the memory of each process is."""
    print("\nwhat the memory is spent on, MB (the runtime's process, then what it has started)")
    names = sorted(
        set().union(*groups.values()), key=lambda name: -sum(g[name] for g in groups.values())
    )
    for name in names:
        print(f"  {name:<50}" + "".join(f"{group[name]:8.1f}" for group in groups.values()))
    print(f"  {'all':<50}" + "".join(f"{group.total():8.1f}" for group in groups.values()))


def family(pid: int) -> list[int]:
    """Return a process and all that it has started, at any depth."""
    members = [pid]
    for member in members:
        for task in Path(f"/proc/{member}/task").glob("*/children"):
            members += map(int, task.read_text().split())
    return members


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process in MB; 0 if it has just ended."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def mapped_mb(pid: int) -> Counter[str]:
    """Return the proportional set size of a process by kind of mapping, in MB."""
    groups: Counter[str] = Counter()
    for name, _, _, pss_kb in mappings(pid):
        groups[group_of(name)] += pss_kb * 1024 / 1e6  # type: ignore[assignment]
    return groups


def mapped_alone_mb(pids: list[int]) -> float:
    """Return the memory of some processes in MB, files that several map counted once, in full."""
    shared: dict[tuple[str, str], int] = {}
    own_kb = 0
    for pid in pids:
        for name, offset, rss_kb, pss_kb in mappings(pid):
            if name.startswith("/") and not name.endswith("(deleted)"):
                key = (name, offset)
                shared[key] = max(shared.get(key, 0), rss_kb)
            else:
                own_kb += pss_kb
    return (own_kb + sum(shared.values())) * 1024 / 1e6


def mappings(pid: int) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, offset, resident and proportional kB of every mapping of a process."""
    name = offset = ""
    rss_kb = 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ (\S+) \S+ \S+\s*(.*)", line)
        if head:
            offset, name = head[1], head[2] or "[anon]"
        elif line.startswith("Rss:"):
            rss_kb = int(line.split()[1])
        elif line.startswith("Pss:"):
            yield name, offset, rss_kb, int(line.split()[1])


def group_of(mapping: str) -> str:
    """Return the name of a mapping's group.

    Example:
        >>> group_of("/usr/lib/python3/dist-packages/numpy/core/_umath.so")
        'NumPy'
    """
    for name, parts in MAPPINGS:
        if any(part in mapping for part in parts):
            return name
    return "other"


class LineCounter(threading.Thread):
    """Reads what a process writes and counts the lines."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        super().__init__(daemon=True)
        self._stream = process.stdout
        self.count = 0
        self.started = time.perf_counter()
        self.start()

    def run(self) -> None:
        """Read until the end."""
        for line in self._stream or ():
            self.count += json.loads(line)["type"] == "decision"


if __name__ == "__main__":
    os.environ.pop("EDGE_MODEL", None)
    main()
