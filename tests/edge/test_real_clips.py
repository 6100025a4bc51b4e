"""The embedded model on clips of real cameras, run as `edge run` does it."""

import pytest

from edge.classifier import open_classifier
from edge.decision import Decider
from edge.modelfile import default_model_path
from edge.records import UNKNOWN
from edge.runtime import run
from edge.sources import open_source
from edge.testing import ManualClock

# (clip, the label that is decided most, labels that are never decided)
PORCH = pytest.mark.xfail(
    strict=True, reason="the model does not know small animals and people on a wide porch yet"
)
CLIPS = [
    pytest.param(
        "dafmontenegro__cat_pi-tensorflow-lite-object-detection.mp4", "cat", {"dog"}, marks=PORCH
    ),
    pytest.param(
        "dafmontenegro__human_pi-tensorflow-lite-object-detection.mp4",
        "none",
        {"cat", "dog"},
        marks=PORCH,
    ),
    ("intel-iot-devkit__people-detection.gif", "none", {"cat", "dog"}),
    ("jtchen11__rencat.mp4", "cat", {"dog"}),
    ("Sanskar-J__dog.mp4", "dog", {"cat"}),
]


@pytest.fixture(scope="module")
def classifier():
    path = default_model_path()
    if not path.is_file():
        pytest.skip(f"no embedded model: {path} does not exist")
    with open_classifier(path) as opened:
        yield opened


@pytest.mark.parametrize(("name", "label", "never"), CLIPS)
def test_the_embedded_model_knows_real_clips(classifier, shared_data, name, label, never):
    decision = classifier.model.manifest.decision
    decider = Decider(
        classifier.labels,
        thresholds=decision.thresholds,
        votes=decision.votes,
        window=decision.window,
    )
    clock = ManualClock()
    source = open_source(str(shared_data / "videos" / name), clock=clock, pace=False)
    decided = dict(run(source, classifier, decider, [], clock=clock).decided)
    source.close()
    decided.pop(UNKNOWN, None)
    assert max(decided, key=lambda said: decided[said]) == label
    assert never.isdisjoint(decided)
