"""Make the pictures of the README and the guides again, into docs/images.

    python docs/make_pictures.py demo [-m MODEL]
    python docs/make_pictures.py presets
    python docs/make_pictures.py guide PHOTOS
    python docs/make_pictures.py quantization RUN SMALL

`presets` shows what augmentation makes of the demo scene, `guide` the charts of the guide's runs,
`quantization` how the numbers of a layer use their 256 steps, in two finished runs.
The picture of the README is `demo`, the demo scene as the embedded model sees it: every frame goes
through classifier and decider as in `edge run`; some are shown with what was decided, and below
them the decisions and the score of "cat" over the whole time.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.classifier import open_classifier
from edge.decision import Decider
from edge.evidence import model_evidence
from edge.modelfile import default_model_path
from edge.records import UNKNOWN, Decision, Frame, Prediction
from edge.sources.demo import DemoScene

SHOWN_SECONDS = (1.6, 8.2, 12.8, 16.9, 21.0, 30.0)
COLUMNS = 3
WIDTH, MARGIN, GAP = 1140, 24, 18
FRAME_WH = (352, 264)
CAPTION_HEIGHT = 62
TIMELINE_HEIGHT = 132
SCALE = 2  # drawn larger and reduced, so that edges are smooth
COLOURS = 256

PAPER, INK, FAINT = "#ffffff", "#24292f", "#8c959f"
LABEL_COLOURS = {"cat": "#e8590c", "dog": "#1c7ed6", "none": "#5c677d", UNKNOWN: "#adb5bd"}


@dataclass(frozen=True)
class Moment:
    """One frame of the demo, and what was made of it."""

    frame: Frame
    prediction: Prediction
    decision: Decision


def main() -> None:
    """Parse the command line and make the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"), metavar="FOLDER")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="needs scikit-image's photos")
    demo.add_argument("-m", "--model", type=Path, default=default_model_path())
    commands.add_parser("presets", help="needs the extra 'desktop' and scikit-image's photos")
    guide = commands.add_parser("guide", help="needs the extra 'desktop'; two minutes")
    guide.add_argument("photos", type=Path, help="a folder of photos per label, 400 of each")
    quantization = commands.add_parser("quantization", help="needs the extra 'desktop'")
    quantization.add_argument("run", type=Path, help="a finished folder of edge train")
    quantization.add_argument("small", type=Path, help="one for benchmarks/hard_network.py")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.command == "demo":
        picture = draw(*watch_demo(arguments.model))
        picture.quantize(COLOURS, kmeans=2).save(arguments.output / "demo.png", optimize=True)
    elif arguments.command == "presets":
        import preset_pictures

        preset_pictures.draw_all(arguments.output)
    elif arguments.command == "quantization":
        import quantization_pictures

        quantization_pictures.draw_all(arguments.run, arguments.small, arguments.output)
    else:
        import guide_pictures

        guide_pictures.draw_all(arguments.photos, arguments.output)


def watch_demo(model: Path) -> tuple[list[Moment], tuple[str, ...]]:
    """Classify every frame of the demo."""
    with open_classifier(model) as classifier:
        spec = classifier.model.manifest.decision
        evidence = model_evidence(spec)
        decider = Decider(classifier.labels, thresholds=spec.thresholds, evidence=evidence)
        moments = []
        for frame in frames():
            prediction = classifier.classify(frame.pixels_bgr)
            decision = decider.decide(frame, prediction, now_seconds=frame.captured_seconds)
            moments.append(Moment(frame, prediction, decision))
        return moments, classifier.labels


def frames() -> Iterator[Frame]:
    """Read the demo to its end."""
    scene = DemoScene()
    while (frame := scene.read()) is not None:
        yield frame


def draw(moments: Sequence[Moment], labels: Sequence[str]) -> Image.Image:
    """Lay out the frames, their captions and the timeline."""
    rows = -(-len(SHOWN_SECONDS) // COLUMNS)
    height = 2 * MARGIN + rows * (FRAME_WH[1] + CAPTION_HEIGHT + GAP) + TIMELINE_HEIGHT
    sheet = Sheet(WIDTH, height)
    for number, seconds in enumerate(SHOWN_SECONDS):
        moment = min(moments, key=lambda moment: abs(moment.frame.time_seconds - seconds))
        row, column = divmod(number, COLUMNS)
        left = MARGIN + column * (FRAME_WH[0] + GAP)
        top = MARGIN + row * (FRAME_WH[1] + CAPTION_HEIGHT + GAP)
        sheet.draw_moment(moment, left, top)
    sheet.draw_timeline(moments, labels, height - MARGIN - TIMELINE_HEIGHT)
    return sheet.finish()


class Sheet:
    """A sheet of paper, drawn on in the pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        self.size_wh = (width, height)
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
        self.pen = ImageDraw.Draw(self.image)

    def draw_moment(self, moment: Moment, left: float, top: float) -> None:
        """Draw a frame, and below it label, score as a bar and number, and the time."""
        pixels_rgb = np.ascontiguousarray(moment.frame.pixels_bgr[:, :, ::-1])
        size = (FRAME_WH[0] * SCALE, FRAME_WH[1] * SCALE)
        # reduced first: the finished picture has no more detail, and less noise to store
        small = Image.fromarray(pixels_rgb).resize(FRAME_WH, Image.Resampling.BOX)
        corners = Image.new("L", size, 0)
        ImageDraw.Draw(corners).rounded_rectangle((0, 0, *size), 10 * SCALE, fill=255)
        place = (round(left * SCALE), round(top * SCALE))
        self.image.paste(small.resize(size, Image.Resampling.BICUBIC), place, corners)
        middle = top + FRAME_WH[1] + 26
        decision = moment.decision
        colour = LABEL_COLOURS.get(decision.label, INK)
        self.box((left, middle - 14, left + 96, middle + 14), colour, radius=14)
        self.text((left + 48, middle), decision.label, PAPER, 17, "mm")
        bar = (left + 112, middle - 5, left + 240, middle + 5)
        self.box(bar, "#e9ecef", radius=5)
        if decision.score > 0.04:
            filled = bar[0] + (bar[2] - bar[0]) * min(decision.score, 1.0)
            self.box((bar[0], bar[1], filled, bar[3]), colour, radius=5)
        self.text((left + 250, middle), f"{decision.score:.2f}", INK, 16, "lm")
        time = f"{moment.frame.time_seconds:.0f} s"
        self.text((left + FRAME_WH[0], middle), time, FAINT, 15, "rm")

    def draw_timeline(self, moments: Sequence[Moment], labels: Sequence[str], top: float) -> None:
        """Draw the decisions as a band and the score of the first label as a curve."""
        left, right = float(MARGIN), float(WIDTH - MARGIN)
        per_second = (right - left) / DemoScene.seconds
        self.text((left, top + 6), f'score of "{labels[0]}", and what was decided', FAINT, 15, "lm")
        floor, height = top + 92, 70.0
        self.line([(left, floor - height), (right, floor - height)], "#e9ecef", 1)
        curve = [
            (
                left + per_second * m.frame.time_seconds,
                floor - height * float(m.prediction.scores[0]),
            )
            for m in moments
        ]
        colour = LABEL_COLOURS.get(labels[0], INK)
        self.polygon([(left, floor), *curve, (curve[-1][0], floor)], "#ffe8cc")
        self.line(curve, colour, 2)
        for moment in moments:
            x = left + per_second * moment.frame.time_seconds
            shade = LABEL_COLOURS.get(moment.decision.label, INK)
            self.box((x, floor + 3, x + per_second / DemoScene.fps + 0.5, floor + 13), shade)
        for phase in DemoScene.phases:
            if phase.name.endswith(("empty", "stays")):
                x = left + per_second * (phase.start_seconds + phase.end_seconds) / 2
                self.text((x, floor + 27), phase.name.split()[0], FAINT, 15, "mm")

    def text(
        self, at: tuple[float, float], words: str, colour: str, size: int, anchor: str
    ) -> None:
        """Write words, placed by Pillow's anchor."""
        font = ImageFont.load_default(size * SCALE)
        self.pen.text((at[0] * SCALE, at[1] * SCALE), words, colour, font, anchor)

    def box(
        self, corners: tuple[float, float, float, float], colour: str, radius: float = 0
    ) -> None:
        """Fill a rectangle."""
        scaled = tuple(value * SCALE for value in corners)
        self.pen.rounded_rectangle(scaled, radius * SCALE, fill=colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: int) -> None:
        """Draw a line through points."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.pen.line(scaled, colour, width * SCALE, joint="curve")

    def polygon(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """Fill a polygon."""
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], colour)

    def finish(self) -> Image.Image:
        """Reduce the sheet to its size."""
        return self.image.resize(self.size_wh, Image.Resampling.BOX)


if __name__ == "__main__":
    main()
