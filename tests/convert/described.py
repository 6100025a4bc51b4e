"""Models with the TFLite Metadata that other programs write."""

from convert.metadata import add_metadata
from edge.modelfile import LABELS_NOTE

OTHER_NOTE = "What the scores stand for.".ljust(len(LABELS_NOTE))


def described_by_others(model_bytes, spec, provenance):
    """Return a model with metadata like ours, but for the sentence by which ours is known."""
    said = add_metadata(model_bytes, spec=spec, provenance=provenance)
    return said.replace(LABELS_NOTE.encode(), OTHER_NOTE.encode())
