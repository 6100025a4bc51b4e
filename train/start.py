"""Goes on from the weights of another run, at another size or on more photos.

A network sees things larger in training, where pictures are cropped, than on the device, where
they are whole. A short second training at a larger input mends that (Touvron et al. 2019,
"Fixing the train-test resolution discrepancy", https://arxiv.org/abs/1906.06423).
"""

import os
from pathlib import Path

import tf_keras

from edge.errors import DataError
from train.beginning import check_start, no_run
from train.networks import Network
from train.preparation import Plan
from train.run_folder import RunFolder
from train.split import read_split


def load_start(network: Network, plan: Plan, start: Path) -> None:
    """Put the weights of another run into a network of the same kind.

    Raises:
        RunFolderError: There is no run in the folder.
        SettingError: It trained another network.
        DataError: It trained other labels, or learned from pictures that this run chooses by or
            judges with.
    """
    check_start(start, network=plan.settings.network, labels=plan.labels)
    earlier = RunFolder(start)
    try:
        trained = tf_keras.models.load_model(os.fspath(earlier.model), compile=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise no_run(start, error) from error
    _check_is_unseen(plan, earlier)
    network.set_weights(trained.get_weights())


def _check_is_unseen(plan: Plan, earlier: RunFolder) -> None:
    learned = {entry.sha256 for entry in read_split(earlier.split).part("train")}
    judging = [*plan.split.part("validation"), *plan.split.part("test")]
    seen = [entry.path for entry in judging if entry.sha256 in learned]
    if seen:
        raise DataError(
            "Pictures that the earlier run learned from can neither choose nor judge",
            received=f"{len(seen)} of them in those parts, the first {seen[0]}",
            fix="Use the earlier run's --seed, or keep the parts in train/, val/ and test/",
        )
