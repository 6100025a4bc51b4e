"""What a deployable file says about its training."""

import json
import shutil

from convert.package import describe_training
from convert.run_folder import read_run


def test_describe_training_names_no_folder_of_the_machine(run_folder, tmp_path):
    run = shutil.copytree(run_folder, tmp_path / "run")
    facts = json.loads((run / "manifest.json").read_text())
    facts["training"]["start"] = "/home/maker/earlier"
    facts["training"]["weights"] = "/home/maker/mobilenet.h5"
    (run / "manifest.json").write_text(json.dumps(facts))
    described = describe_training(read_run(run))
    assert described["training"]["start"] == "earlier"
    assert described["training"]["weights"] == "mobilenet.h5"
    assert "/" not in json.dumps(described["training"])
    assert "root" not in described["data"]
