"""The page of `edge data explore`: a folder of photos to look at."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edge import __version__
from edge.errors import PictureError
from edge.images import read_picture
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
from edge.page.charts import Bar, Dot, bar_chart, cloud_chart
from edge.page.pictures import encode_picture
from edge.page.svg import Axis
from edge.quality.robustness import choose_rows
from edge.quality.sections import percent
from train.data.exploration import EXTREMES, TRAITS, Exploration, find_giveaways
from train.data.feature_map import FeatureMap
from train.data.measures import PhotoMeasures
from train.data.report import PhotoGroup

_THUMBNAIL = 112
_SAMPLES = 16
_SHOWN_GROUPS = 12
_SHOWN_OF_GROUP = 3
_SHOWN_MISLABELS = 24
_SHOWN_FINDINGS = 40
_MOST_DOTS = 2_000
_DESCRIPTIONS = {
    "brightness": "0 % is black, 100 % white.",
    "contrast": "How far light and dark lie apart.",
    "saturation": "0 % is grey.",
    "sharpness": "How much detail remains at 256 pixels.",
}


def build_page(exploration: Exploration) -> Page:
    """Lay out the page; photos that have gone since are left out."""
    check = exploration.check
    blocks = [
        *_overview(exploration),
        *_findings(exploration),
        *_sizes(exploration),
        *_light(exploration),
        *_samples(exploration),
        *_extremes(exploration),
        *_map(exploration),
        *_groups(exploration),
        *_mislabels(exploration),
    ]
    return Page(
        title=f"{check.root.name}: what is in it",
        subtitle=f"{len(exploration.photos):,} photos of {', '.join(exploration.labels)}",
        blocks=blocks,
        footer=f"catseye {__version__}, edge data explore",
    )


def _overview(exploration: Exploration) -> Iterator[Block]:
    check = exploration.check
    counts = check.labels
    joined = sum(len(group.paths) for group in check.groups)
    smallest = min(counts, key=lambda count: count.usable, default=None)
    tiles = [
        Tile(f"{len(exploration.photos):,}", "photos", _say(len(counts), "label")),
        Tile(f"{len(check.bad):,}", "cannot be used", "named below" if check.bad else ""),
        Tile(
            f"{joined:,}",
            "show the same as another",
            f"in {_say(len(check.groups), 'group')}" if joined else "",
        ),
    ]
    if smallest is not None:
        tiles.insert(1, Tile(f"{smallest.usable:,}", "in the smallest label", smallest.label))
    most = max((count.usable for count in counts), default=1)
    bars = [Bar(count.label, count.usable) for count in counts]
    yield Heading("Photos per label")
    yield Tiles(tiles)
    yield from (Text(problem, is_note=True) for problem in check.problems)
    yield Row(
        [
            Figure(bar_chart(bars, axis=Axis("photos", 0, most), colours=True), "Usable photos"),
            Table(
                ("label", "files", "usable", "different", "independent"),
                [(c.label, c.files, c.usable, c.different, c.independent) for c in counts],
                "Different: copies counted once. Independent: near-identical ones counted once, "
                "too. That is how much there is to learn from.",
            ),
        ]
    )


def _findings(exploration: Exploration) -> Iterator[Block]:
    findings = exploration.check.findings
    if findings:
        yield Heading("Files worth a look")
    for said, is_bad in (
        ("These cannot be used.", True),
        ("These are converted, followed or left aside.", False),
    ):
        own = [finding for finding in findings if finding.is_bad is is_bad]
        rows = [(f.path, f"{f.kind}: {f.reason}") for f in own[:_SHOWN_FINDINGS]]
        more = len(own) - len(rows)
        if rows:
            yield Text(said)
            caption = f"and {more:,} more; edge data check --json lists all" if more else ""
            yield Table(("file", "what"), rows, caption)


def _sizes(exploration: Exploration) -> Iterator[Block]:
    photos = _thin(exploration.photos, exploration.labels)
    if not photos:
        return
    labels = exploration.labels
    most = (max(photo.width for photo in photos), max(photo.height for photo in photos))
    dots = [
        Dot(photo.width, photo.height, labels.index(photo.label), photo.path) for photo in photos
    ]
    axes = [Axis(name, 0, top * 1.05) for name, top in zip(("width", "height"), most, strict=True)]
    rows = [
        (
            label,
            f"{exploration.spread(label, 'width').median:.0f}",
            f"{exploration.spread(label, 'height').median:.0f}",
            f"{exploration.spread(label, 'aspect').low:.2f}",
            f"{exploration.spread(label, 'aspect').high:.2f}",
        )
        for label in labels
        if exploration.has_photos(label)
    ]
    yield Heading("Size and shape")
    yield Row(
        [
            Figure(
                cloud_chart(dots, labels, x=axes[0], y=axes[1]),
                "Width and height in pixels",
                "A label whose photos have a size of their own comes from another source than the "
                "rest; a network may learn the source.",
            ),
            Table(
                ("label", "width", "height", "aspect from", "to"),
                rows,
                "Width and height: medians. Aspect, width over height: the middle half.",
            ),
        ]
    )


def _light(exploration: Exploration) -> Iterator[Block]:
    yield Heading("Light, colour and sharpness")
    for one in find_giveaways(exploration.photos):
        way = "more" if one.distance > 0 else "less"
        yield Text(
            f"{one.label} has {way} {one.trait} than the rest, by {abs(one.distance):.1f} standard "
            "deviations. A network learns that first, and is lost where it does not hold: add "
            f"photos of {one.label} with the {one.trait} of the others, and the other way round.",
            is_note=True,
        )
    figures = [_trait(exploration, trait) for trait in TRAITS]
    means = exploration.measurement.means_bgr
    yield Row(figures)
    yield Gallery(
        [
            Shot([encode_picture(means[label], side=192)], label, names=[f"mean of {label}"])
            for label in exploration.labels
            if label in means
        ],
        "The mean of all photos of each label. Where something can be recognised, the photos "
        "have it in the same place.",
        is_small=True,
    )


def _trait(exploration: Exploration, trait: str) -> Figure:
    spreads = {label: exploration.spread(label, trait) for label in exploration.labels}
    most = max((spread.high for spread in spreads.values()), default=1.0)
    bars = [
        Bar(label, spread.median, (spread.low, spread.high))
        if exploration.has_photos(label)
        else Bar(label, math.nan)
        for label, spread in spreads.items()
    ]
    axis = Axis(trait, 0, max(most * 1.1, 0.01), is_share=True)
    return Figure(
        bar_chart(bars, axis=axis, colours=True),
        trait.capitalize(),
        f"{_DESCRIPTIONS[trait]} Medians; thin lines: the middle half of the photos.",
    )


def _samples(exploration: Exploration) -> Iterator[Block]:
    yield Heading("Some of each label")
    for label in exploration.labels:
        own = [photo for photo in exploration.photos if photo.label == label]
        rows = np.linspace(0, len(own) - 1, min(_SAMPLES, len(own))).round().astype(int)
        shots = [
            Shot([uri], Path(own[row].path).name, names=[own[row].path])
            for row in rows
            for uri in _encode(exploration.check.root, own[row].path, side=_THUMBNAIL)
        ]
        if shots:
            yield Gallery(shots, is_small=True, title=label)


def _extremes(exploration: Exploration) -> Iterator[Block]:
    yield Heading("The most extreme")
    yield Text("Broken, empty and misplaced photos are often among them.")
    for name, (trait, _) in EXTREMES.items():
        shots = [
            Shot([uri], photo.path, [_measure(photo, trait)])
            for photo in exploration.extremes(name)
            for uri in _encode(exploration.check.root, photo.path, side=_THUMBNAIL)
        ]
        if shots:
            yield Gallery(shots, is_small=True, title=name.capitalize(), is_whole=trait == "aspect")


def _measure(photo: PhotoMeasures, trait: str) -> str:
    if trait == "aspect":
        return f"{photo.width} \N{MULTIPLICATION SIGN} {photo.height}"
    return f"{getattr(photo, trait) * 100:.1f} %"


def _map(exploration: Exploration) -> Iterator[Block]:
    features = exploration.features
    if features is None or not features.points:
        return
    rows = [(label, percent(share)) for label, share in features.agreement.items()]
    yield Heading("What looks alike")
    yield Row(
        [
            Figure(
                _cloud(features, exploration.labels),
                "The photos as a network sees them",
                "Each dot is a photo, placed by the features of EfficientNet-Lite0, which has "
                "never seen your labels: alike lies near alike. A dot deep in another cloud "
                "deserves a look, and so does a label in two clouds. The two directions show "
                f"{percent(features.explained)} of the differences (principal components, Pearson "
                "1901).",
            ),
            Table(
                ("label", "like their neighbours"),
                rows,
                f"Of {len(features.points):,} photos: most of the five that look most alike, by "
                "all features, carry the same label. Near 100 % the label is easy to tell.",
            ),
        ]
    )


def _cloud(features: FeatureMap, labels: Sequence[str]) -> Chart:
    xs, ys = ([getattr(point, name) for point in features.points] for name in ("x", "y"))
    x, y = (Axis(f"direction {n}", min(v), max(v)) for n, v in ((1, xs), (2, ys)))
    dots = [
        Dot(point.x, point.y, labels.index(point.label), point.path) for point in features.points
    ]
    return cloud_chart(dots, labels, x=x, y=y)


def _groups(exploration: Exploration) -> Iterator[Block]:
    groups = exploration.similar
    if not groups:
        return
    yield Heading("Photos that show the same")
    yield Text(
        f"{_say(len(groups), 'group')} of copies and near-identical photos: re-encoded, resized, "
        "or taken in a burst. A split keeps each of them on one side; on both, the network would "
        "be judged on what it has learned by heart."
    )
    yield Gallery([_group_shot(exploration, group) for group in groups[:_SHOWN_GROUPS]])
    if len(groups) > _SHOWN_GROUPS:
        yield Text(f"{len(groups) - _SHOWN_GROUPS:,} more; edge data check --json lists all.")


def _group_shot(exploration: Exploration, group: PhotoGroup) -> Shot:
    root, shown = exploration.check.root, group.paths[:_SHOWN_OF_GROUP]
    said = f"{len(group.paths)} {group.kind}"
    if len(group.labels) > 1:
        said += f", and they disagree: {', '.join(group.labels)}"
    pictures = [(path, uri) for path in shown for uri in _encode(root, path, side=_THUMBNAIL)]
    return Shot([uri for _, uri in pictures], said, shown, [path for path, _ in pictures])


def _mislabels(exploration: Exploration) -> Iterator[Block]:
    found = exploration.mislabels
    if found is None:
        return
    yield Heading("Labels that are probably wrong")
    if not found:
        yield Text("None: the model doubts no label with confidence.")
        return
    yield Text(
        f"{_say(len(found), 'photo')} that the model takes for something else with the confidence "
        "it usually has there, the surest first (confident learning, Northcutt, Jiang and Chuang "
        "2021). Some of them are the model's mistakes: look before you move a photo. On photos "
        "that it has learned from it sees fewer of them than there are."
    )
    root = exploration.check.root
    shots = [
        Shot([uri], f"{one.label}? {one.suggested}", (percent(one.score), one.path), [one.path])
        for one in found[:_SHOWN_MISLABELS]
        for uri in _encode(root, one.path, side=224)
    ]
    yield Gallery(shots, is_small=True)


def _encode(root: Path, path: str, *, side: int) -> Iterator[str]:
    """Yield the photo as a data URI, or nothing when it has gone."""
    try:
        yield encode_picture(read_picture(root / path, least_side=side), side=side)
    except PictureError:
        return


def _say(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _thin(photos: Sequence[PhotoMeasures], labels: Sequence[str]) -> list[PhotoMeasures]:
    """Return at most as many photos as a drawing can bear."""
    numbers = np.array([labels.index(photo.label) for photo in photos], np.int64)
    return [photos[row] for row in choose_rows(numbers, most=_MOST_DOTS)] if len(numbers) else []
