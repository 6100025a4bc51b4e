"""What a training is asked to do, and what that comes to for the photos at hand."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from edge.errors import SettingError
from edge.manifest import RESIZE_MODES, InputSpec, Region
from train.augment import CACHE_SCALE, PRESETS
from train.data.pattern import compile_pattern
from train.framing import parse_region
from train.networks import (
    FREEZES,
    INPUT_MEAN,
    INPUT_SCALE,
    Amount,
    NetworkSpec,
    find_network,
    list_takers,
)
from train.schedule import SCHEDULES

_SIDE_STEP = 32
_LARGEST_SIDE = 640
_NETWORK = "efficientnet-lite0"
_BATCH_SIZES = (32, 16, 8)
_FEWEST_STEPS = 16  # of an epoch, before smaller batches are taken
_SEED = 1
_AUGMENTATION = "door"
_OPTIONS = {"side": "--size", "start": "--from"}  # where the option has another name
_RANGES: dict[str, tuple[float, float, str]] = {
    "width": (0.1, 4.0, "0.5"),
    "label_smoothing": (0.0, 0.5, "0.1"),
    "dropout": (0.0, 0.9, "0.2"),
    "weight_decay": (0.0, 1.0, "0.02"),
    "averaging": (0.0, 0.9999, "0.99"),
    "mixup": (0.0, 10.0, "0.2"),
    "at_once": (2, 1024, "64"),
    "head_epochs": (0, 100, "1"),
}
"""The numbers that lie between a lowest and a highest, with an example."""

_LEARNS = {
    "none": "all of the network",
    "first": "all but the first stages",
    "most": "the end of the network",
    "body": "only the last layer",
}

MIXED_PRECISION = ("auto", "off")
"""Whether to learn with 16 bits where that is faster: on a GPU ("auto"), or never."""

_CHOICES = (
    ("schedule", SCHEDULES),
    ("mixed_precision", MIXED_PRECISION),
    ("freeze", FREEZES),
    ("resize", RESIZE_MODES),
)

LABEL_SMOOTHING = 0.1
WEIGHT_DECAY = 0.02
AVERAGING = 0.0
MIXUP = 0.0
AT_ONCE = 64
PATIENCE_SHARE = 0.4
FRACTIONS = (0.70, 0.15, 0.15)
"""Shares of training, validation and test part when the photos come without a split."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the user asked for; `None` leaves the choice to the network and the photos.

    Attributes:
        network: One of `train.networks.NETWORK_NAMES`.
        side: Width and height of the input in pixels, a multiple of 32.
        epochs: Passes over the training part.
        batch_size: Pictures per step.
        learning_rate: Peak, after the warm-up.
        seed: Of the split, the order of the pictures, their augmentation and the new weights.
        start: Folder of a run whose weights to begin with, absolute.
        augment: One of `train.augment.PRESETS`.
        width: Factor on the number of channels.
        weights: File of pretrained weights, absolute.
        freeze: What of a pretrained network stays as it is, one of `train.networks.FREEZES`.
        label_smoothing: Share of the truth that is spread over all labels.
        dropout: Share of the values that are dropped.
        weight_decay: Of AdamW.
        averaging: Decay of the average of the weights, 0 for none.
        mixup: How evenly pairs of pictures are mixed, 0 for not at all.
        schedule: One of `train.schedule.SCHEDULES`.
        at_once: Pictures that are computed at once.
        head_epochs: Epochs of the last layer alone, in the beginning.
        mixed_precision: One of `MIXED_PRECISION`.
        tensorboard: Also write logs for TensorBoard.
        group_by: Regular expression that names what photos belong to.
        resize: One of `edge.manifest.RESIZE_MODES`.
        region: Part of each frame that is looked at, `LEFT,TOP,RIGHT,BOTTOM`.

    Raises:
        SettingError: A value is out of range, or the network does not know the option.
    """

    network: str | None = None
    side: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int | None = None
    start: str | None = None
    augment: str | None = None
    width: float | None = None
    weights: str | None = None
    label_smoothing: float | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    averaging: float | None = None
    mixup: float | None = None
    schedule: str | None = None
    at_once: int | None = None
    head_epochs: int | None = None
    mixed_precision: str | None = None
    tensorboard: bool | None = None
    group_by: str | None = None
    freeze: str | None = None
    resize: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no training can be made of."""
        network = find_network(self.chosen_network)
        self._check_learning(network)
        if self.group_by is not None:
            compile_pattern(self.group_by)
        if self.region is not None:
            parse_region(self.region)
        if self.side is not None:
            is_usable = _SIDE_STEP <= self.side <= _LARGEST_SIDE and self.side % _SIDE_STEP == 0
            _check(is_usable, "--size must be a multiple of 32 from 32 to 640", self.side, "160")
        _check(
            self.epochs is None or self.epochs >= 1, "--epochs must be 1 or more", self.epochs, "8"
        )
        _check(
            self.batch_size is None or 2 <= self.batch_size <= 1024,
            "--batch-size must be between 2 and 1024",
            self.batch_size,
            "32",
        )
        rate = self.learning_rate
        _check(
            rate is None or (math.isfinite(rate) and 0 < rate <= 1),
            "--learning-rate must be above 0 and at most 1",
            rate,
            "0.0004",
        )
        _check(
            self.seed is None or 0 <= self.seed < 2**32,
            "--seed must be between 0 and 4294967295",
            self.seed,
            "1",
        )
        _check(
            self.augment is None or self.augment in PRESETS,
            "--augment must be one of " + ", ".join(PRESETS),
            self.augment,
            _AUGMENTATION,
        )

    def _check_learning(self, network: NetworkSpec) -> None:
        """Refuse numbers out of range, and options that the network does not know."""
        for name, (lowest, highest, example) in _RANGES.items():
            value = getattr(self, name)
            is_usable = value is None or lowest <= value <= highest
            rule = f"{_option(name)} must be between {lowest:g} and {highest:g}"
            _check(is_usable, rule, value, example)
        for name, values in _CHOICES:
            value = getattr(self, name)
            is_usable = value is None or value in values
            _check(
                is_usable, f"{_option(name)} must be one of {', '.join(values)}", value, values[0]
            )
        for name in ("width", "weights", "freeze"):
            if getattr(self, name) is not None and name not in network.takes:
                raise SettingError(
                    f"{_option(name)} is for " + ", ".join(list_takers(name)),
                    received=f"--network {network.name}",
                    fix=f"Leave {_option(name)} away, or use another network",
                )

    @property
    def chosen_network(self) -> str:
        """The name of the network to train."""
        return self.network or _NETWORK

    @property
    def chosen_framing(self) -> tuple[str, Region]:
        """How frames are resized, and which part of them is looked at."""
        return self.resize or RESIZE_MODES[0], parse_region(self.region or str(Region()))

    @property
    def chosen_seed(self) -> int:
        """The seed to use."""
        return _SEED if self.seed is None else self.seed


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What one training does, in full; see `TrainOptions`.

    Attributes:
        patience: Epochs without a better validation loss after which it ends.
        start: Folder of the run whose weights it begins with; `None` for the network's own.
        augment: One of `train.augment.PRESETS`.
        dropout: `None` for the network's own; likewise `width` and `weights`.
        group_by: Regular expression that names what photos belong to.
        freeze: `None` for a network that is not pretrained.
        is_head_computed: The new last layer is solved for before the first step.
        resize: One of `edge.manifest.RESIZE_MODES`.
        region: Part of each frame that is looked at, as `str(Region())` writes it.
    """

    network: str
    side: int
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    patience: int
    start: str | None = None
    augment: str = _AUGMENTATION
    width: float | None = None
    weights: str | None = None
    label_smoothing: float = LABEL_SMOOTHING
    dropout: float | None = None
    weight_decay: float = WEIGHT_DECAY
    averaging: float = AVERAGING
    mixup: float = MIXUP
    schedule: str = SCHEDULES[0]
    at_once: int = AT_ONCE
    head_epochs: int = 0
    mixed_precision: str = MIXED_PRECISION[0]
    tensorboard: bool = False
    group_by: str | None = None
    freeze: str | None = None
    is_head_computed: bool = False
    resize: str = RESIZE_MODES[0]
    region: str = str(Region())

    @property
    def input(self) -> InputSpec:
        """What the network takes, and how a photo becomes that."""
        return InputSpec(
            width=self.side,
            height=self.side,
            resize=self.resize,
            region=parse_region(self.region),
            mean=INPUT_MEAN,
            scale=INPUT_SCALE,
        )

    def cached(self, part: str) -> InputSpec:
        """Return what becomes of a decoded photo; one to learn from stays larger, to be cropped.

        Where the augmentation crops nothing, it is the input itself: `fit_frame` makes it of the
        photo, and nothing resizes it again.

        Args:
            part: One of `train.folder.PARTS`.
        """
        is_cropped = part == "train" and not PRESETS[self.augment].is_frame_kept
        side = round(self.side * CACHE_SCALE) if is_cropped else self.side
        return self.input.resized(width=side, height=side)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for JSON."""
        return asdict(self)


def settle(options: TrainOptions, network: NetworkSpec, *, pictures: int) -> TrainSettings:
    """Choose what the user left open.

    The fewer photos, the more of a pretrained network stays as it is: see `NetworkSpec.suit`. Few
    photos also make short epochs: batches shrink and the number of epochs grows until the network
    has had the steps that it needs, within limits.

    Args:
        options: What the user asked for.
        network: The network of that name.
        pictures: In the training part.
    """
    batch_size = min(options.batch_size or _choose_batch_size(pictures), max(2, pictures))
    amount = network.suit(pictures)
    wanted = math.ceil(amount.steps / max(1, pictures // batch_size))
    epochs = options.epochs or min(max(wanted, amount.fewest_epochs), amount.most_epochs)
    is_head_new = options.start is None and options.head_epochs is None
    return TrainSettings(
        network=network.name,
        side=options.side or network.side,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=options.learning_rate or amount.learning_rate,
        seed=options.chosen_seed,
        patience=max(3, math.ceil(PATIENCE_SHARE * epochs)),
        start=options.start,
        augment=options.augment or _AUGMENTATION,
        width=options.width,
        weights=options.weights,
        label_smoothing=_choose(options.label_smoothing, LABEL_SMOOTHING),
        dropout=options.dropout,
        weight_decay=_choose(options.weight_decay, WEIGHT_DECAY),
        averaging=_choose(options.averaging, AVERAGING),
        mixup=_choose(options.mixup, MIXUP),
        schedule=options.schedule or SCHEDULES[0],
        at_once=options.at_once or AT_ONCE,
        head_epochs=min(_choose_head_epochs(options, amount), epochs - 1),
        mixed_precision=options.mixed_precision or MIXED_PRECISION[0],
        tensorboard=bool(options.tensorboard),
        group_by=options.group_by,
        freeze=options.freeze or amount.freeze,
        is_head_computed=amount.is_head_computed and is_head_new,
        resize=options.chosen_framing[0],
        region=str(options.chosen_framing[1]),
    )


def explain_choices(settings: TrainSettings, *, pictures: int) -> str:
    """Say in a line what the amount of photos decided, and why; empty where it decides nothing.

    Example:
        >>> settings = settle(TrainOptions(), find_network("efficientnet-lite0"), pictures=40)
        >>> explain_choices(settings, pictures=40).partition(",")[0]
        'few photos (40 to learn from): only the last layer learns'
    """
    if settings.freeze is None:
        return ""
    amount = find_network(settings.network).suit(pictures)
    reason = f", {amount.why}" if settings.freeze == amount.freeze else ", as asked"
    head = "; the last layer is computed first"
    return (
        f"{amount.name} photos ({pictures:,} to learn from): {_LEARNS[settings.freeze]} learns"
        f"{reason}{head if settings.is_head_computed else ''}; {settings.side} px, "
        f"{settings.epochs} epochs (--freeze, --size and --epochs change that)"
    )


def _choose(asked: float | None, default: float) -> float:
    return default if asked is None else asked


def _choose_head_epochs(options: TrainOptions, amount: Amount) -> int:
    """A last layer that is new learns first; one that comes from another run has learned."""
    if options.head_epochs is not None:
        return options.head_epochs
    return 0 if options.start else amount.head_epochs


def _choose_batch_size(pictures: int) -> int:
    large_enough = (size for size in _BATCH_SIZES if pictures // size >= _FEWEST_STEPS)
    return next(large_enough, _BATCH_SIZES[-1])


def check_resumed(options: TrainOptions, settings: TrainSettings) -> None:
    """Refuse an option that differs from the training that is to be resumed.

    Raises:
        SettingError: An option was given and differs.
    """
    for name, value in asdict(options).items():
        begun = getattr(settings, name)
        if value is not None and value != begun:
            option = _option(name)
            raise SettingError(
                "A training goes on with the settings that it began with, on each of its machines",
                received=f"{option} {value}, begun with {begun}",
                fix=f"Leave {option} away, or begin anew with --overwrite",
            )


def _option(name: str) -> str:
    """Return what an option is called on the command line."""
    return _OPTIONS.get(name, f"--{name.replace('_', '-')}")


def _check(is_usable: bool, rule: str, received: object, example: str) -> None:
    if not is_usable:
        option = rule.split()[0]
        raise SettingError(rule, received=str(received), fix=f"Use for example {option} {example}")
