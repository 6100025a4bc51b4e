"""The options of `edge run`; light, because the help imports it."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.options import config_option

CameraOption = Annotated[
    int | None, typer.Option("--camera", "-c", min=0, help="Number of the camera.")
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        "-s",
        envvar="EDGE_SOURCE",
        help="Camera (0, /dev/video0, picamera2:), rtsp:// or http:// stream, video file, folder "
        "or pattern of pictures, or demo:.",
        show_default="0",
        show_envvar=True,
    ),
]
SizeOption = Annotated[
    str, typer.Option("--size", metavar="WxH", help="Picture size to ask a camera for.")
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate",
        metavar="HZ",
        help="Frames per second to ask a camera for, also one that gives snapshots.",
        show_default="what the camera likes, a snapshot per second",
    ),
]
PixelFormatOption = Annotated[
    str | None,
    typer.Option(
        "--pixel-format",
        metavar="NAME",
        help="Form of the frames to ask a camera for: MJPG, YUYV, ...",
        show_default="what the camera likes",
    ),
]
RotateOption = Annotated[
    int,
    typer.Option("--rotate", metavar="DEGREES", help="Turn frames clockwise: 0, 90, 180 or 270."),
]
FlipOption = Annotated[
    str, typer.Option("--flip", help="Mirror frames: none, horizontal, vertical or both.")
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="SHARES",
        help='Part of the frame to look at: "left,top,right,bottom" or corners "x,y x,y x,y", '
        "in shares of its width and height.",
        show_default="all of it",
    ),
]
ShowRegionsOption = Annotated[
    Path | None,
    typer.Option(
        "--show-regions",
        metavar="FILE.png",
        help="Write a picture with the region and a grid to read shares off, and end.",
    ),
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="[LABEL=]SCORE",
        help="Score that wins a frame, for all labels or for one; repeatable.",
        show_default="the model's",
    ),
]
EvidenceOption = Annotated[
    str,
    typer.Option(
        "--evidence",
        metavar="RULES",
        help='What it takes to believe a label, such as "votes=3 window=5"; see the guide to '
        "decisions.",
        show_default="the model's",
    ),
]
PictureOption = Annotated[
    str,
    typer.Option(
        "--picture",
        metavar="RULES",
        help='When a picture is of no use, such as "dark_level=8".',
        show_default="see the guide to the picture's state",
    ),
]
NoMotionGateOption = Annotated[
    bool,
    typer.Option("--no-motion-gate", help="Ask the model about every frame, if nothing moves too."),
]
MaxFpsOption = Annotated[
    float | None,
    typer.Option("--max-fps", metavar="HZ", help="Classify at most so many frames per second."),
]
CpusOption = Annotated[
    str | None,
    typer.Option(
        "--cpus",
        metavar="LIST",
        help="Processor cores to keep to, such as 2 or 0-1,3.",
        show_default="all",
    ),
]
MaxFramesOption = Annotated[
    int | None, typer.Option("--max-frames", min=1, help="End after this many classified frames.")
]
DurationOption = Annotated[
    float | None, typer.Option("--duration", metavar="SECONDS", help="End after this time.")
]
UnpacedOption = Annotated[
    bool, typer.Option("--as-fast-as-possible", help="Look at every frame of a recording.")
]
WindowOption = Annotated[
    bool, typer.Option("--window", help="Show the frames; needs the extra 'window'.")
]
ConfigOption = Annotated[
    Path | None, config_option(default="none: nothing follows from what is seen")
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what the rules would do, and do none of it."),
]
