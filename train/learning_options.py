"""Options of `edge train` that say how to learn; light: no TensorFlow."""

from pathlib import Path
from typing import Annotated

import typer

_LEARNING = "How it learns"

ResizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="MODE",
        help="How a frame becomes a square, here and on the device: squash (nothing is lost, "
        "proportions change), crop (the middle) or letterbox (bars are added).",
        show_default="squash",
    ),
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        help="Look at this part of each frame only, here and on the device; in fractions of its "
        "width and height.",
        show_default="the whole frame",
    ),
]

WidthOption = Annotated[
    float | None,
    typer.Option(
        help="Factor on the channels of mobilenet-v2 or cnn.",
        show_default="1",
        rich_help_panel=_LEARNING,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Pretrained weights of mobilenet-v2, downloaded elsewhere.",
        show_default="downloaded, once",
        rich_help_panel=_LEARNING,
    ),
]
FreezeOption = Annotated[
    str | None,
    typer.Option(
        help="What keeps its ImageNet weights: none, first (the first stages), most (all but the "
        "last stages) or body (all but the last layer).",
        show_default="the fewer photos, the more",
        rich_help_panel=_LEARNING,
    ),
]
ScheduleOption = Annotated[
    str | None,
    typer.Option(
        help="Learning rate over time: cosine, step (divided at times) or grow-batch (the batch "
        "grows instead).",
        show_default="cosine",
        rich_help_panel=_LEARNING,
    ),
]
HeadEpochsOption = Annotated[
    int | None,
    typer.Option(
        help="Epochs, of --epochs, in which the last layer, drawn at random, learns alone first.",
        show_default="none, it is computed, unless there are many photos",
        rich_help_panel=_LEARNING,
    ),
]
LabelSmoothingOption = Annotated[
    float | None,
    typer.Option(
        help="Doubt about the labels, 0 to 0.5.", show_default="0.1", rich_help_panel=_LEARNING
    ),
]
DropoutOption = Annotated[
    float | None,
    typer.Option(
        help="Share of the last features that is dropped at each step.",
        show_default="the network's own",
        rich_help_panel=_LEARNING,
    ),
]
WeightDecayOption = Annotated[
    float | None,
    typer.Option(
        help="How strongly weights are pulled to zero.",
        show_default="0.02",
        rich_help_panel=_LEARNING,
    ),
]
AveragingOption = Annotated[
    float | None,
    typer.Option(
        help="Decay of the average of the weights that is kept; 0 keeps the weights themselves.",
        show_default="0",
        rich_help_panel=_LEARNING,
    ),
]
MixupOption = Annotated[
    float | None,
    typer.Option(
        help="Lay pairs of photos over each other, 0.2 mildly, 1 boldly.",
        show_default="0, not at all",
        rich_help_panel=_LEARNING,
    ),
]
AtOnceOption = Annotated[
    int | None,
    typer.Option(
        help="Photos in memory at once; larger batches are computed in pieces.",
        show_default="64",
        rich_help_panel=_LEARNING,
    ),
]
MixedPrecisionOption = Annotated[
    str | None,
    typer.Option(
        help="auto (16 bits on a GPU) or off.", show_default="auto", rich_help_panel=_LEARNING
    ),
]
DistributeOption = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="mirrored: on all GPUs of this machine. multiworker: on the machines that TF_CONFIG "
        "names, with the same command on each; the first writes.",
        show_default="this process alone",
    ),
]
TensorboardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Also write logs for TensorBoard into the run folder.")
]
FindRateOption = Annotated[
    bool,
    typer.Option(
        "--find-lr", help="Do not train: test learning rates, draw the losses, suggest a rate."
    ),
]
LearningCurveOption = Annotated[
    bool,
    typer.Option(
        "--learning-curve",
        help="Do not train: draw how the mistakes fall with the number of photos, and say what "
        "more would bring.",
    ),
]
