"""The files in deploy/ say what this version of Ray, MLflow and the command understand."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml

from tests.shared import ROOT

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kuberay").glob("*.yaml"))
PARAMS = (ROOT / "params.yaml").read_text()


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_manifest_names_what_it_is_and_one_image(path: Path) -> None:
    for document in documents(path):
        assert {"apiVersion", "kind", "metadata", "spec"} == set(document)
        assert document["metadata"]["name"]
    assert set(re.findall(r"image: (\S+)", path.read_text())) == {"REGISTRY/throughline:0.1"}


def test_the_cluster_is_of_the_installed_ray_and_every_container_knows_the_token() -> None:
    (cluster,) = documents(DEPLOY / "kuberay/raycluster.yaml")
    assert cluster["spec"]["rayVersion"] == ray.__version__
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "AWS_ENDPOINT_URL"} <= {item["name"] for item in container["env"]}


def test_ray_up_takes_its_file() -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    settings = yaml.safe_load((DEPLOY / "ray-up.yaml").read_text())
    jsonschema.validate(settings, schema)
    assert settings["head_node_type"] in settings["available_node_types"]


def test_the_scripts_parse_and_change_lines_that_are_there() -> None:
    assert subprocess.run(["bash", "-n", str(DEPLOY / "slurm.sh")], timeout=30).returncode == 0
    (job,) = documents(DEPLOY / "kuberay/job.yaml")
    (script,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert subprocess.run(["bash", "-n"], input=script, text=True, timeout=30).returncode == 0
    for text in (script, (DEPLOY / "slurm.sh").read_text()):
        wanted = [line.replace("\\.", ".") for line in re.findall(r"s\|\^([^|]+)\|", text)]
        assert len(wanted) == 3
        assert all(f"\n{line}" in PARAMS for line in wanted)


def test_the_image_installs_what_is_locked() -> None:
    lines = (DEPLOY / "Dockerfile").read_text()
    assert "--requirement constraints.txt" in lines
    assert "python:3.11" in lines
    assert f"\nray=={ray.__version__}\n" in (ROOT / "constraints.txt").read_text()


def test_the_page_names_files_that_are_there() -> None:
    page = (ROOT / "docs/cluster.md").read_text()
    assert all((ROOT / "docs" / target).exists() for target in re.findall(r"\]\((\.\./[^)#]+)\)", page))
    assert (ROOT / "tests/system/test_two_nodes.py").is_file()
