"""The embedded model on clips of real cameras, run as `edge run` does it."""

import pytest

from edge.classifier import open_classifier
from edge.decision import Decider
from edge.evidence import model_evidence
from edge.modelfile import default_model_path
from edge.records import UNKNOWN
from edge.runtime import run
from edge.sources import open_source
from edge.testing import ManualClock

CAT_ON_PORCH = "dafmontenegro__cat_pi-tensorflow-lite-object-detection.mp4"
MAN_ON_PORCH = "dafmontenegro__human_pi-tensorflow-lite-object-detection.mp4"
PEOPLE_IN_ROOM = "intel-iot-devkit__people-detection.gif"
CAT_WITH_CHILD = "jtchen11__rencat.mp4"
DOG = "Sanskar-J__dog.mp4"

PORCH = pytest.mark.xfail(
    strict=True, reason="the model has not learned what a camera above a porch sees"
)
UPRIGHT = pytest.mark.xfail(
    strict=True, reason="an upright frame, squashed to a square, shows a cat of twice its width"
)


@pytest.fixture(scope="module")
def classifier():
    path = default_model_path()
    if not path.is_file():
        pytest.skip(f"no embedded model: {path} does not exist")
    with open_classifier(path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "label"),
    [
        pytest.param(CAT_ON_PORCH, "cat", marks=PORCH),
        pytest.param(MAN_ON_PORCH, "none", marks=PORCH),
        (PEOPLE_IN_ROOM, "none"),
        (CAT_WITH_CHILD, "cat"),
        (DOG, "dog"),
    ],
)
def test_the_embedded_model_knows_real_clips(classifier, shared_data, name, label):
    decided = decide(classifier, shared_data / "videos" / name)
    assert max(decided, key=lambda said: decided[said]) == label


@pytest.mark.parametrize(
    ("name", "never"),
    [
        pytest.param(CAT_ON_PORCH, {"dog"}, marks=PORCH),
        pytest.param(MAN_ON_PORCH, {"cat", "dog"}, marks=PORCH),
        (PEOPLE_IN_ROOM, {"cat", "dog"}),
        pytest.param(CAT_WITH_CHILD, {"dog"}, marks=UPRIGHT),
        (DOG, {"cat"}),
    ],
)
def test_the_embedded_model_never_decides_for_the_other_pet(classifier, shared_data, name, never):
    assert never.isdisjoint(decide(classifier, shared_data / "videos" / name))


def decide(classifier, path):
    """Return how often each label but "unknown" is decided on a clip."""
    decision = classifier.model.manifest.decision
    evidence = model_evidence(decision)
    decider = Decider(classifier.labels, thresholds=decision.thresholds, evidence=evidence)
    clock = ManualClock()
    source = open_source(str(path), clock=clock, pace=False)
    decided = dict(run(source, classifier, decider, [], clock=clock).decided)
    source.close()
    decided.pop(UNKNOWN, None)
    return decided
