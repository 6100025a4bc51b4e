"""Logs of a training for TensorBoard, written without TensorBoard being installed."""

from pathlib import Path

import tensorflow as tf

from train.checkpoint import EpochRecord

_TAGS = {
    "loss": "loss/training",
    "val_loss": "loss/validation",
    "accuracy": "accuracy/training",
    "val_accuracy": "accuracy/validation",
    "learning_rate": "learning_rate",
    "batch_size": "batch_size",
    "images_per_second": "images_per_second",
}


def log_epoch(folder: Path, record: EpochRecord) -> None:
    """Write the figures of an epoch into a file of its own in the folder.

    TensorBoard joins the files; an epoch that is learned again after a kill replaces nothing
    but adds the same figures.
    """
    facts = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
    )
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=f".{record.epoch:04d}")
    with writer.as_default():
        for name, tag in _TAGS.items():
            value = tf.constant(float(getattr(record, name)))
            tf.summary.write(tag, value, step=record.epoch, metadata=facts)
    writer.close()
