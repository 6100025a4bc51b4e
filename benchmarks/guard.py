"""Whether an output is ever energised longer than its limit: faults injected, and counted.

    python benchmarks/guard.py --schedules 10000
    python benchmarks/guard.py --schedules 300 --deaths 20

Every schedule has a main process, a guard and an understudy of its own, and a file for the pin,
which keeps its level when its writer dies. The main process energises the output again and again
while one to three faults come, by chance: processes are killed or stopped, the loop hangs, the
wall clock steps, the pin cannot be claimed, switched on or off for a while. What the pin's file
then holds is judged: no time energised may be longer than the limit and half a second.

After that the main process is killed while the output is on, so often, and as often together with
its guard: how long the output stays on is printed.
"""

import argparse
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from guarded import MainProcess, read_pin, wait_until

from edge.benchmark import describe_machine

LIMIT_SECONDS = 0.3
SLACK_SECONDS = 0.5
SETTLE_SECONDS = 3.0

_AT_ONCE = 24
_CLOCK = """import os, time
_time = time.time
def _stepped():
    with open(os.environ["STEP_FILE"]) as file:
        return _time() + float(file.read() or 0)
time.time = _stepped
"""


@dataclass
class Subject:
    """A main process under test, and what chance has in store for it."""

    main: MainProcess
    folder: Path
    chance: random.Random
    pids: list[int] = field(default_factory=list)
    hits: int = 0

    def signal_guard(self, number: int) -> None:
        """Send a signal to the guard, if there is one."""
        for pid in self.main.guard_pids()[:1]:
            self.pids.append(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def script(self, **faults: int) -> None:
        """Let the pin fail so often."""
        error = self.chance.choice(["EBUSY", "EACCES", "ENODEV", "EIO"])
        text = ", ".join(f'"{step}": {count}' for step, count in faults.items())
        aside = self.folder / "faults.new"
        aside.write_text(f'{{{text}, "error": "{error}"}}')
        aside.replace(self.folder / "pin.csv.faults")


def kill_main(subject: Subject) -> None:
    """Kill the main process."""
    subject.main.process.kill()


def end_main(subject: Subject) -> None:
    """End the main process by SIGTERM, which it does not handle."""
    subject.main.process.terminate()


def stop_main(subject: Subject) -> None:
    """Stop the main process for good."""
    subject.main.process.send_signal(signal.SIGSTOP)


def hang_loop(subject: Subject) -> None:
    """Let the loop of the main process make no progress."""
    subject.main.send("hang")


def kill_guard(subject: Subject) -> None:
    """Kill the guard; the main process starts another."""
    subject.signal_guard(signal.SIGKILL)


def stop_guard(subject: Subject) -> None:
    """Stop the guard for good."""
    subject.signal_guard(signal.SIGSTOP)


def kill_both(subject: Subject) -> None:
    """Kill guard and main process together."""
    subject.signal_guard(signal.SIGKILL)
    kill_main(subject)


def step_clock(subject: Subject) -> None:
    """Let the wall clock jump."""
    step = subject.chance.choice([-3600, 34_560_000, -1, 1, -1.7e9])
    (subject.folder / "step").write_text(str(step))


def fail_pin(subject: Subject) -> None:
    """Let the pin fail a few times: as it is claimed, switched on, switched off."""
    chance = subject.chance
    subject.script(claim=chance.randint(0, 3), on=chance.randint(0, 2), off=chance.randint(0, 3))


FAULTS: dict[Callable[[Subject], None], str] = {
    kill_main: "main process killed",
    end_main: "main process ended by SIGTERM",
    stop_main: "main process stopped",
    hang_loop: "loop hangs",
    kill_guard: "guard killed",
    stop_guard: "guard stopped",
    kill_both: "guard and main process killed together",
    step_clock: "wall clock steps",
    fail_pin: "errors of the pin",
}


@dataclass(frozen=True)
class Verdict:
    """What came of a schedule.

    Attributes:
        faults: Those that came.
        times: How often the output was energised.
        worst_seconds: Longest time energised; infinite if it still was at the end.
        hits: How many of the faults came while it was energised.
    """

    faults: Sequence[str]
    times: int
    worst_seconds: float
    hits: int


def run_schedule(seed: int) -> Verdict:
    """Run one schedule."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "sitecustomize.py").write_text(_CLOCK)
        (folder / "step").write_text("0")
        environment = {
            "PYTHONPATH": os.pathsep.join([name, os.environ.get("PYTHONPATH", "")]),
            "STEP_FILE": str(folder / "step"),
        }
        main = MainProcess(
            folder,
            pin="edge.guard.scripted:ScriptedPin",
            longest_seconds=LIMIT_SECONDS,
            environment=environment,
        )
        subject = Subject(main, folder, chance)
        try:
            faults = _trouble(subject)
            wait_until(lambda: not main.is_on() and _has_been_quiet(main), SETTLE_SECONDS)
            spans = read_pin(main.pin_path)
        finally:
            _clear_away(subject)
    worst = max(
        ((span.end_seconds or float("inf")) - span.start_seconds for span in spans), default=0.0
    )
    return Verdict(faults, len(spans), worst, subject.hits)


def time_release(seed: int, *, with_guard: bool) -> float:
    """Kill the main process while the output is on; return how long that stays on."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        main = MainProcess(Path(name), longest_seconds=5.0)
        subject = Subject(main, Path(name), chance)
        try:
            main.tell("on 5")
            time.sleep(chance.uniform(0.0, 0.5))
            (kill_both if with_guard else kill_main)(subject)
            killed_seconds = time.monotonic()
            if not wait_until(lambda: not main.is_on(), 10.0):
                return float("inf")
            return (read_pin(main.pin_path)[-1].end_seconds or 0.0) - killed_seconds
        finally:
            _clear_away(subject)


def _trouble(subject: Subject) -> list[str]:
    """Energise the output again and again; meanwhile let faults come."""
    chance = subject.chance
    due = sorted(chance.uniform(0.1, 1.2) for _ in range(chance.randint(1, 3)))
    wait_until(subject.main.pin_path.exists)
    started_seconds = time.monotonic()
    faults = []
    while due:
        subject.main.send(chance.choice(["on 0.2", "on 0.3", "on 9", "on 0.1", "off"]))
        time.sleep(chance.uniform(0.01, 0.15))
        if time.monotonic() - started_seconds > due[0]:
            due.pop(0)
            fault = chance.choice(list(FAULTS))
            subject.hits += subject.main.is_on()
            fault(subject)
            faults.append(FAULTS[fault])
    return faults


def _has_been_quiet(main: MainProcess) -> bool:
    """Whether nothing was switched for a second: whoever could is done."""
    if not main.pin_path.exists():
        return True  # killed before its guard had the pin
    lines = main.pin_path.read_text().splitlines()
    return time.monotonic_ns() - int(lines[-1].split(",")[0]) > 1_000_000_000


def _clear_away(subject: Subject) -> None:
    subject.pids += subject.main.guard_pids()
    subject.main.close()
    for pid in subject.pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _print_releases(title: str, seconds: Sequence[float], limit_seconds: float) -> None:
    in_time = sum(value <= limit_seconds for value in seconds)
    print(
        f"{title}: off within {limit_seconds:g} s {in_time} of {len(seconds)} times, "
        f"after {max(seconds):.3f} s at most"
    )


def run(schedules: int, deaths: int) -> None:
    """Run everything and print it."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        verdicts = list(pool.map(run_schedule, range(schedules)))
    counts = Counter(fault for verdict in verdicts for fault in verdict.faults)
    hits = sum(verdict.hits for verdict in verdicts)
    limit_seconds = LIMIT_SECONDS + SLACK_SECONDS
    overruns = sum(verdict.worst_seconds > limit_seconds for verdict in verdicts)
    for fault in FAULTS.values():
        print(f"{fault:40} {counts[fault]:6}")
    print(f"{sum(counts.values())} faults, {hits} of them while the output was energised")
    print(
        f"{schedules} schedules, energised {sum(verdict.times for verdict in verdicts)} times: "
        f"{overruns} overruns of {LIMIT_SECONDS:g} + {SLACK_SECONDS:g} s, "
        f"longest {max(verdict.worst_seconds for verdict in verdicts):.3f} s"
    )
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda seed: time_release(seed, with_guard=False), range(deaths)))
        both = list(pool.map(lambda seed: time_release(seed, with_guard=True), range(deaths)))
    _print_releases("main process killed", alone, 1.0)
    _print_releases("main process and guard killed together", both, 2.0)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--deaths", type=int, default=200, help="of each of the two kinds")
    options = parser.parse_args()
    print(describe_machine())
    run(options.schedules, options.deaths)


if __name__ == "__main__":
    main()
