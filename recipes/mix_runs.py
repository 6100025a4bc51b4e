"""Lay the weights of two runs over each other: a run whose weights lie between theirs.

    python recipes/mix_runs.py RUN LATER --share 0.3 -o MIXED

LATER began with the weights of RUN (`edge train --from RUN`), and learned from and was held against
the same pictures. Between the two networks often lies one that is better than both, and costs
nothing on the device (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models",
https://arxiv.org/abs/2109.01903). MIXED converts like any run. It has no curves and no figures,
since those of RUN do not hold for its weights.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import tf_keras

KEPT = ("split.csv", "skipped.csv")


def main() -> None:
    """Write the mixed run and print where."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="made by edge train")
    parser.add_argument("later", type=Path, metavar="LATER", help="made by edge train --from RUN")
    parser.add_argument("--share", type=read_share, required=True, help="of LATER, 0 to 1")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to be made")
    arguments = parser.parse_args()
    if arguments.output.exists():
        parser.error(f"{arguments.output} exists; name a new folder")
    runs = arguments.run, arguments.later
    for run in runs:
        if not (run / "manifest.json").is_file():
            parser.error(f"{run} is no run folder: it has no manifest.json; name one of edge train")
    facts = [json.loads((run / "manifest.json").read_text(encoding="utf-8")) for run in runs]
    for part in ("network", "labels", "input", "data.fingerprint"):
        found = [find(item, part) for item in facts]
        if found[0] != found[1]:
            parser.error(f"both runs must have the same {part}, not {found[0]} and {found[1]}")
    write_run(arguments.output, runs, facts, share=arguments.share)
    shares = f"{1 - arguments.share:g} of {runs[0]}, {arguments.share:g} of {runs[1]}"
    print(f"{arguments.output}: {shares}")  # noqa: T201


def write_run(
    output: Path, runs: tuple[Path, Path], facts: list[dict[str, Any]], *, share: float
) -> None:
    """Write a run folder with weights that lie between those of two runs.

    Args:
        output: The folder to be made.
        runs: Whose weights.
        facts: Their manifests.
        share: Of the second, in [0, 1].
    """
    network, later = (load_network(run) for run in runs)
    pairs = zip(network.get_weights(), later.get_weights(), strict=True)
    network.set_weights([(1 - share) * own + share * other for own, other in pairs])
    output.mkdir(parents=True)
    network.save(os.fspath(output / "model.keras"))
    for name in KEPT:
        (output / name).write_bytes((runs[0] / name).read_bytes())
    mixed, other = facts
    mixed.pop("metrics", None)  # a mixed run has none itself
    mixed["training"]["mixed_with"] = {
        **other["training"],
        "start": runs[0].name,  # and not where it lies on this machine
        "share": share,
    }
    text = json.dumps(mixed, indent=2, ensure_ascii=False)
    (output / "manifest.json").write_text(text, encoding="utf-8")


def load_network(run: Path) -> Any:
    """Return the network of a run."""
    return tf_keras.models.load_model(os.fspath(run / "model.keras"), compile=False)


def find(facts: dict[str, Any], part: str) -> Any:
    """Return a fact by its name, such as "data.fingerprint"."""
    for name in part.split("."):
        facts = facts[name]
    return facts


def read_share(text: str) -> float:
    """Return a share, in [0, 1]."""
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, not {text}")
    return share


if __name__ == "__main__":
    main()
