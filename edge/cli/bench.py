"""`edge bench`: what a model costs on this machine."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge.cli import output
from edge.cli.options import JsonOption, ModelOption
from edge.errors import MissingExtraError, SettingError

if TYPE_CHECKING:
    from edge.benchmark import Benchmark, Timing
    from edge.live_benchmark import LiveSpeed

_ALL = "all"


def bench(
    model: ModelOption = None,
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime",
            envvar="EDGE_RUNTIME",
            help="all (those for devices that are installed), auto (the best of them), or one by "
            "name: litert, tflite-runtime, tensorflow.",
        ),
    ] = _ALL,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads",
            envvar="EDGE_THREADS",
            help="Threads of the runtime, 1 to 64.",
            show_default="1, 2, 4 ... as many as there are cores",
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", min=1, max=1_000_000, help="Frames to measure.")
    ] = 300,
    json: JsonOption = False,
) -> None:
    """Measure invoke, preprocessing, frame-to-label and start-up time, memory and the live loop.

    Frames are 640x480. Bare invoke and frame-to-label take turns, so that a busy machine meets
    both alike; the overhead is the ratio of their medians. The live loop is all that edge run does
    at full rate but for camera and display; "of invoke" is its rate against bare invoke. Each
    combination of runtime and threads runs in a process of its own.

    Raises:
        CatseyeError: The model or a runtime cannot be used.
    """
    from edge.benchmark import describe_machine, measure_in_child, usable_thread_counts
    from edge.integrity import verify_model
    from edge.interpreter import check_threads
    from edge.live_benchmark import measure_live_in_child
    from edge.modelfile import default_model_path, read_model_file

    thread_counts = usable_thread_counts() if threads is None else [check_threads(threads)]
    runtimes = _runtimes(runtime)
    file = read_model_file(model or default_model_path())
    machine = describe_machine()
    output.say(f"{file.path} ({file.manifest.name}), {frames} frames of 640x480 on {machine}")
    results = []
    for name in runtimes:
        chosen = verify_model(file, runtime=name)
        output.say(
            f"{name}: without --threads, edge run uses {chosen} on this machine, as measured"
        )
        for count in thread_counts:
            with output.console().status(f"measuring {name}, {count} threads"):
                result = measure_in_child(file, runtime=name, threads=count, frames=frames)
                live = measure_live_in_child(file, runtime=name, threads=count)
            results.append((result, live))
            if json:
                record = _record(result, live)
                output.emit_json({**record, "machine": machine, "model_sha256": file.sha256})
    if not json:
        _show(results)


def _runtimes(runtime: str) -> list[str]:
    """Return the runtimes to measure; of "all", those that do not load are named and left out."""
    from edge.interpreter import (
        AUTO,
        DEVICE_RUNTIMES,
        RUNTIMES,
        available_runtimes,
        choose_runtime,
        load_runtime,
    )

    if runtime not in (_ALL, AUTO, *RUNTIMES):
        raise SettingError(
            "--runtime must be one of " + ", ".join((_ALL, AUTO, *RUNTIMES)),
            received=runtime,
            fix="Leave it out to measure all that are installed",
        )
    if runtime != _ALL:
        return [choose_runtime(runtime)]
    loaded = []
    for name in available_runtimes():
        if name in DEVICE_RUNTIMES:
            try:
                load_runtime(name)
            except MissingExtraError as error:
                output.say(f"edge: {error}")
            else:
                loaded.append(name)
    return loaded or [choose_runtime()]  # which says what to install


def _record(result: "Benchmark", live: "LiveSpeed") -> dict[str, Any]:
    speed = result.speed
    return {
        "runtime": result.runtime,
        "runtime_version": result.runtime_version,
        "threads": result.threads,
        "frames": result.frames,
        "invoke_ms": _percentiles(speed.invoke),
        "preprocess_ms": _percentiles(speed.preprocess),
        "frame_to_label_ms": _percentiles(speed.frame_to_label),
        "overhead_ratio": round(speed.overhead_ratio, 4),
        "fps": round(speed.rate_hz, 1),
        "live_loop_fps": round(live.rate_hz, 1),
        "live_loop_ratio": live.ratio,
        "cold_start_ms": result.cold_start_ms,
        "peak_rss_mb": result.peak_rss_mb,
    }


def _percentiles(timing: "Timing") -> dict[str, float]:
    return {"p50": timing.p50, "p90": timing.p90, "p99": timing.p99}


def _show(results: "list[tuple[Benchmark, LiveSpeed]]") -> None:
    output.emit_table(
        (
            "runtime",
            "version",
            "threads",
            "invoke ms",
            "preprocess ms",
            "frame to label ms",
            "p99 ms",
            "overhead",
            "frames/s",
            "live loop frames/s",
            "of invoke",
            "cold start ms",
            "memory MB",
        ),
        [
            (
                result.runtime,
                result.runtime_version,
                result.threads,
                round(result.speed.invoke.p50, 3),
                round(result.speed.preprocess.p50, 3),
                round(result.speed.frame_to_label.p50, 3),
                round(result.speed.frame_to_label.p99, 3),
                f"{result.speed.overhead_ratio:.3f}",
                round(result.speed.rate_hz, 1),
                round(live.rate_hz, 1),
                f"{live.ratio:.3f}",
                result.cold_start_ms,
                result.peak_rss_mb,
            )
            for result, live in results
        ],
    )
