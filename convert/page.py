"""The report of a conversion as a page: how good the file is, or why it was refused."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from convert.conversion import Conversion
from convert.kept_state import explain_state
from convert.modes import AUTO
from convert.parity import Measurement
from convert.refusal import Flip, Refusal
from edge import __version__
from edge.benchmark import Latency
from edge.edge_tpu import BASIS, Finding, Readiness
from edge.images import read_picture
from edge.interpreter import choose_runtime
from edge.labels import MANY_LABELS
from edge.modelfile import ModelFile, hash_network
from edge.page.blocks import (
    Block,
    Chart,
    Figure,
    Gallery,
    Heading,
    Page,
    Row,
    Shot,
    Table,
    Text,
    Tile,
    Tiles,
)
from edge.page.charts import Bar, bar_chart
from edge.page.pictures import encode_picture
from edge.page.svg import Axis
from edge.quality.sections import percent, reliability_blocks

_LAYERS_SHOWN = 10
_FLIPS_SHOWN = 24
_THUMBNAIL_SIDE = 112


def build_page(conversion: Conversion, *, file: str, written: ModelFile | None = None) -> Page:
    """Lay out the page.

    Args:
        conversion: What was made.
        file: Name of the file that was asked for.
        written: The file; `None` when it was refused.

    Raises:
        PictureError: A picture that flipped cannot be read any more.
    """
    refusal = conversion.refusal
    end = "why it was not written" if refusal is not None else "how good it is"
    blocks = [
        *_overview(conversion, written),
        *(_refusal(refusal) if refusal is not None else ()),
        *_comparison(conversion),
        *_calibration(conversion),
        *_latency(conversion),
        *_operators(conversion),
        *(_again(written) if written is not None else ()),
    ]
    return Page(
        title=f"{file}: {end}",
        subtitle=f"{conversion.mode} ({conversion.deployed.state}), on "
        f"{conversion.validation_pictures:,} validation pictures, by the interpreter and the "
        "preprocessing of the device",
        blocks=blocks,
        footer=f"catseye {__version__}, edge convert"
        + (f"; model {written.sha256}" if written is not None else ""),
    )


def _overview(conversion: Conversion, written: ModelFile | None) -> Iterator[Block]:
    found, original = conversion.deployed.measurement, conversion.measurements[0]
    size_bytes = found.size_bytes if written is None else written.size_bytes
    readiness = conversion.examination.edge_tpu
    tiles = [
        Tile(percent(found.accuracy), "right", f"float network: {percent(original.accuracy)}"),
        Tile(percent(found.agreement), "in agreement", "with the float network"),
        Tile(_size(size_bytes), "size", f"float network: {_size(original.size_bytes)}"),
        Tile(f"{readiness.on_tpu} of {readiness.operators}", "operators", "fit an Edge TPU"),
    ]
    fastest = min(
        (row for row in conversion.examination.latency if _is_devices(row)),
        key=_median,
        default=None,
    )
    if fastest is not None:
        detail = f"{fastest.runtime}, {_threads(fastest)}, where it was converted"
        tiles.insert(3, Tile(f"{_median(fastest):.2g} ms", "a picture", detail))
    yield Heading("In brief")
    yield Tiles(tiles)
    state = explain_state(conversion.deployed.state, conversion.fine_tuning)
    yield Text(f"{conversion.mode}, {state}.")
    for warning in conversion.warnings:
        yield Text(f"Warning: {warning}.", is_note=True)


def _is_devices(row: Latency) -> bool:
    """Whether a time is of the runtime that the device would take."""
    return row.invoke is not None and row.runtime == choose_runtime()


def _refusal(refusal: Refusal) -> Iterator[Block]:
    yield Heading("Why it was not written")
    for loss in refusal.losses:
        yield Text(f"Refused: {loss}.", is_note=True)
    yield Heading("What to try")
    for sentence in refusal.advice:
        yield Text(sentence)
    if refusal.layers:
        yield from _layers(refusal)
    if refusal.flips:
        yield from _flips(refusal.flips)


def _layers(refusal: Refusal) -> Iterator[Block]:
    shown = refusal.layers[:_LAYERS_SHOWN]
    axis = Axis("error", 0.0, max(layer.error for layer in shown), is_share=True)
    more = len(refusal.layers) - len(shown)
    yield Heading("The layers that 8-bit numbers hurt most")
    yield Row(
        [
            Figure(
                bar_chart([Bar(layer.layer, layer.error) for layer in shown], axis=axis),
                "Error of each layer",
                "What rounding changes in a layer's output, as a share of that output, with the "
                "same input as in floats: each layer's own fault.",
            ),
            Table(
                ("layer", "operator", "error"),
                [(layer.layer, layer.operator, percent(layer.error)) for layer in shown],
                "Names as in the Keras network."
                + (f" {more} more layers have smaller errors." if more else ""),
            ),
        ]
    )


def _flips(flips: Sequence[Flip]) -> Iterator[Block]:
    kinds = Counter((flip.label, flip.before, flip.after) for flip in flips)
    shown = flips[:_FLIPS_SHOWN]
    more = len(flips) - len(shown)
    yield Heading("The pictures that are decided otherwise")
    yield Table(
        ("shows", "float network says", "file says", "pictures"),
        [(*kind, count) for kind, count in kinds.most_common()],
        "How often each answer became another one.",
    )
    yield Gallery(
        [_shot(flip) for flip in shown],
        "Those that became wrong come first, and of these the ones that the float network was sure "
        "of." + (f" {more} more are named by --json." if more else ""),
        is_small=True,
    )


def _shot(flip: Flip) -> Shot:
    picture = encode_picture(read_picture(flip.path), side=_THUMBNAIL_SIDE)
    return Shot(
        [picture],
        f"{flip.before} {flip.before_score:.2f}, now {flip.after} {flip.after_score:.2f}",
        (f"shows {flip.label}", flip.path.name),
        (f"picture of {flip.label}, {flip.path.name}",),
    )


def _comparison(conversion: Conversion) -> Iterator[Block]:
    yield Heading("Beside the float network")
    yield Table(
        ("figure", *_names(conversion)),
        list(_figures(conversion.measurements)),
        f"On {conversion.validation_pictures:,} validation pictures. Agreement: the share of "
        "pictures on which it says what the float network says. Divergence: how far its scores "
        "are from the float network's (Kullback and Leibler 1951). Latency: one thread.",
    )
    yield Row(
        [
            Figure(
                _counted(conversion, "wrong answers", lambda found: 1 - found.accuracy),
                "Wrong answers",
                f"Of {conversion.validation_pictures:,} pictures.",
            ),
            Figure(
                _counted(conversion, "decided otherwise", lambda found: 1 - found.agreement),
                "Decided otherwise than by the float network",
                "Right or wrong: what rounding has changed.",
            ),
        ]
    )
    if conversion.asked == AUTO:
        yield Table(
            ("tried", "good enough", "why"),
            [
                (attempt.mode, "yes" if attempt.is_passed else "no", attempt.reason)
                for attempt in conversion.attempts
            ],
            "What auto tried, in this order.",
        )


def _names(conversion: Conversion) -> list[str]:
    mark = "in the file" if conversion.refusal is None else "refused"
    deployed = conversion.deployed.measurement
    return [
        f"{item.name} ({mark})" if item is deployed else item.name
        for item in conversion.measurements
    ]


def _figures(measurements: Sequence[Measurement]) -> Iterator[tuple[str, ...]]:
    yield ("size", *(_size(item.size_bytes) for item in measurements))
    yield ("accuracy", *(percent(item.accuracy) for item in measurements))
    labels = measurements[0].recall
    if len(labels) <= MANY_LABELS:
        for label in labels:
            yield (f"recall of {label}", *(percent(item.recall[label]) for item in measurements))
    yield ("agreement", *(percent(item.agreement) for item in measurements))
    yield ("divergence, nats", *(f"{item.divergence:.5f}" for item in measurements))
    yield ("latency", *(f"{item.latency_ms:.3g} ms" for item in measurements))


def _counted(conversion: Conversion, title: str, share: Callable[[Measurement], float]) -> Chart:
    """Draw a share of the validation pictures as their number, for each network."""
    total = conversion.validation_pictures
    bars = [Bar(item.name, float(round(share(item) * total))) for item in conversion.measurements]
    most = max(1.0, *(bar.value for bar in bars))
    return bar_chart(bars, axis=Axis(title, 0.0, most, is_whole=True))


def _calibration(conversion: Conversion) -> Iterator[Block]:
    calibration = conversion.calibration
    yield Heading("How sure it must be")
    yield Table(
        ("label", "least score", "precision", "recall", "wrong", "verdict"),
        [
            (
                label,
                f"{threshold.value:g}",
                None if threshold.precision is None else percent(threshold.precision),
                percent(threshold.recall),
                f"{threshold.wrong:,} of {threshold.answers:,}",
                threshold.verdict,
            )
            for label, threshold in calibration.thresholds.items()
        ],
        f"Chosen for {calibration.goal}. Below its label's least score an answer is unknown.",
    )
    for label, threshold in calibration.thresholds.items():
        if threshold.note:
            yield Text(f"{label}: {threshold.note}.")
    yield from reliability_blocks(
        calibration.before, calibration.after, temperature=calibration.temperature
    )
    yield Text(
        "Thresholds and temperature were chosen with these very pictures: edge evaluate shows what "
        "they are worth on others."
    )


def _latency(conversion: Conversion) -> Iterator[Block]:
    examination = conversion.examination
    yield Heading("How long it takes")
    yield Table(
        ("runtime", "version", "threads", "median, ms", "90 of 100 below, ms"),
        [
            (
                row.runtime,
                row.runtime_version,
                row.threads,
                f"{row.invoke.p50:.3f}",
                f"{row.invoke.p90:.3f}",
            )
            for row in examination.latency
            if row.invoke is not None
        ],
        f"The runtime alone, for one picture. Measured on {examination.machine}; on the device, "
        "edge bench measures the same and more.",
    )
    for row in examination.latency:
        if row.reason:
            yield Text(f"{row.runtime} does not run it: {row.reason}.")


def _operators(conversion: Conversion) -> Iterator[Block]:
    examination = conversion.examination
    yield Heading("What it computes with")
    yield Table(
        ("operator", "inputs", "outputs", "count"),
        [
            (use.name, ", ".join(use.inputs), ", ".join(use.outputs), use.count)
            for use in examination.operators
        ],
        "Operators of the file, and the types of the numbers that go in and come out.",
    )
    yield from _edge_tpu(examination.edge_tpu)


def _edge_tpu(readiness: Readiness) -> Iterator[Block]:
    needs = readiness.needs_runtime
    needed = f" It takes version {needs} or newer of the Edge TPU's runtime." if needs else ""
    said = str(readiness)
    yield Heading("On an Edge TPU")
    yield Text(f"{said[0].upper()}{said[1:]}.{needed} That is read off {BASIS}.")
    if readiness.on_cpu:
        yield _findings(readiness.on_cpu, "What would fall to the CPU.")
    if readiness.doubts:
        yield _findings(readiness.doubts, "What the rules leave open.")


def _findings(findings: Sequence[Finding], caption: str) -> Table:
    return Table(
        ("operator", "count", "first at", "why"),
        [(one.operator, one.count, one.place, one.reason) for one in findings],
        f"{caption} Places are counted in the order in which operators run.",
    )


def _again(written: ModelFile) -> Iterator[Block]:
    yield Heading("Converted again")
    yield Text(
        "The same run folder, options and versions on the same kind of processor give the same "
        "file again, but for the measured times in its manifest and the hash over them. Whether "
        "the network is the same, its own hash says; edge inspect shows it."
    )
    yield Text(f"SHA-256 of the network (its FlatBuffer): {hash_network(written.model_bytes)}")
    yield Text(f"SHA-256 of the whole file: {written.sha256}")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.2f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.1f} KB"


def _median(row: Latency) -> float:
    return float("inf") if row.invoke is None else row.invoke.p50


def _threads(row: Latency) -> str:
    return f"{row.threads} thread" + ("s" if row.threads != 1 else "")
