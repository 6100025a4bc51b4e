"""What a training is asked to begin with, looked at before the photos. No TensorFlow.

A look at what is named takes no time, one at all photos takes minutes. Whether the network can be
built from it is seen later, when the photos have been counted: see `train.training.begin_network`.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

from edge.errors import DataError, RunFolderError, SettingError
from edge.manifest import InputSpec, Region
from train.networks import find_network
from train.run_folder import RunFolder
from train.settings import TrainOptions


def check_beginning(options: TrainOptions, labels: tuple[str, ...]) -> None:
    """See that the run, the weights and the network are there which the options name.

    Raises:
        RunFolderError: There is no run in the folder of `--from`.
        SettingError: It trained another network or saw photos otherwise, or no module has the
            name of `--network`.
        DataError: It trained other labels, or there is no file of `--weights`.
    """
    if options.start is not None:
        start = Path(options.start)
        check_start(start, network=options.chosen_network, labels=labels)
        check_framing(start, *options.chosen_framing)
    if options.weights is not None and not Path(options.weights).is_file():
        raise DataError(
            "--weights names a file of weights of MobileNetV2",
            received=f"{options.weights}, which is not there",
            fix="Check the path, or leave --weights away to download them, once",
        )
    spec = find_network(options.chosen_network)
    if spec.is_own:
        _check_module(spec.builder)


def check_start(start: Path, *, network: str, labels: tuple[str, ...]) -> None:
    """See that a folder holds a run of a network with these labels.

    Args:
        start: The folder.
        network: What `--network` takes.
        labels: In the order of the network's output.

    Raises:
        RunFolderError: There is no run in the folder.
        SettingError: It trained another network.
        DataError: It trained other labels.
    """
    earlier = RunFolder(start)
    try:
        manifest = json.loads(earlier.manifest.read_text(encoding="utf-8"))
        begun, trained = manifest["network"], tuple(map(str, manifest["labels"]))
        earlier.model.stat()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise no_run(start, error) from error
    if (begun, trained) != (network, labels):
        kind = DataError if begun == network else SettingError
        raise kind(
            "A run starts from one with the same network and labels",
            received=f"{begun} with {', '.join(trained)} in {start}",
            fix=f"Name a run of {network} with {', '.join(labels)}",
        )


def check_framing(start: Path, resize: str, region: Region) -> None:
    """See that the run in a folder has seen photos in the same way.

    Args:
        start: The folder of a run.
        resize: One of `edge.manifest.RESIZE_MODES`.
        region: The part of each photo that is looked at.

    Raises:
        RunFolderError: There is no run in the folder.
        SettingError: It has seen them otherwise.
    """
    try:
        manifest = json.loads(RunFolder(start).manifest.read_text(encoding="utf-8"))
        seen = InputSpec.from_dict(manifest["input"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise no_run(start, error) from error
    if (seen.resize, seen.region) != (resize, region):
        raise SettingError(
            "A run goes on with photos resized and cut out as in the run that it starts from",
            received=f"--resize {resize} --region {region}, {start} has learned with "
            f"--resize {seen.resize} --region {seen.region}",
            fix=f"Use --resize {seen.resize} --region {seen.region}, or leave --from away",
        )


def no_run(start: Path, error: Exception) -> RunFolderError:
    """Make the error for a folder of `--from` that holds no usable run."""
    return RunFolderError(
        "--from names the folder of an earlier run",
        received=f"{start}: {error}",
        fix="Name a folder that edge train has written",
    )


def look_here() -> None:
    """Let Python find the user's modules in the current folder, as `python -m` does."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def _check_module(builder: str) -> None:
    look_here()
    package = builder.partition(":")[0].partition(".")[0]
    if find_spec(package) is None:
        raise SettingError(
            "--network package.module:function must build a flat tf_keras model from labels and "
            "side",
            received=f"{builder}: there is no module named {package!r} here",
            fix="See 'Your own network' in docs/training.md",
        )
