"""What a machine of a cluster lacks is named before work; code goes there in one small folder."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts import reach
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.runtime import shipped
from tests.shared import ROOT


def params(**changes: Any) -> Params:
    raw = parameters.read(ROOT / "params.yaml")
    for key, value in changes.items():
        section, name = key.split("__")
        raw[section][name] = value
    return parameters.validate(Params, raw, where="test")


def told(uri: str) -> reach.Tracking:
    return reach.Tracking(uri, "mlflow.tracking_uri")


LOCAL = told("sqlite:///mlflow.db")


@pytest.fixture
def server() -> Iterator[str]:
    """A server that answers /health as MLflow's does."""

    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Healthy) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_a_machine_like_this_one_lacks_nothing(tmp_path: Path, server: str) -> None:
    (tmp_path / "MOT17").mkdir()
    same = reach.wanted(params(), told(server), {"base.data_root": (str(tmp_path), "MOT17")})
    assert {"torch", "ray", "numpy"} <= set(same.packages)
    assert reach.look_about(same) == []


def test_what_differs_is_one_line_each(tmp_path: Path) -> None:
    folders = {"base.data_root": (str(tmp_path), "MOT17"), "base.store": (str(tmp_path / "absent"), ".seen")}
    here = reach.wanted(params(), told("http://127.0.0.1:9"), folders)
    lines = reach.look_about(replace(here, packages={**here.packages, "numpy": "1.0", "no-such-package": "2.0"}))
    assert [line.partition(",")[0].partition(" there")[0] for line in lines[1:4]] == [
        "no-such-package is not installed",
        f"base.data_root: {tmp_path} is another folder",
        f"base.store: no {tmp_path / 'absent'}",
    ]
    assert lines[0].startswith("numpy 2")
    assert lines[0].endswith(", here 1.0")
    assert lines[4].startswith("mlflow.tracking_uri: http://127.0.0.1:9 does not answer there")
    assert len(lines) == 5


def test_other_pythons_are_named() -> None:
    assert reach.look_about(replace(reach.wanted(params(), LOCAL, {}), python="3.9.1"))[0].startswith("Python 3.11")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "base.store: . is a folder of this machine"),
        ({"base__store": "s3://bucket/run"}, "mlflow.tracking_uri: sqlite:///mlflow.db is a file of this machine"),
    ],
)
def test_what_one_machine_has_is_refused_for_several(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named) as error:
        reach.refuse_what_one_machine_has(params(cluster__address="10.0.0.1:6379", **changes), LOCAL, 2)
    assert "next: " in str(error.value)


def test_servers_and_stores_that_all_see_are_taken() -> None:
    shared = params(cluster__address="10.0.0.1:6379", base__store="s3://bucket/run")
    reach.refuse_what_one_machine_has(shared, told("http://10.0.0.1:5000"), 2)


def test_the_server_that_the_environment_names_is_judged_in_the_place_of_the_parameter() -> None:
    shared = params(cluster__address="10.0.0.1:6379", base__store="s3://bucket/run")
    assert shared.mlflow.tracking_uri == "sqlite:///mlflow.db"
    reach.refuse_what_one_machine_has(shared, reach.Tracking("http://10.0.0.1:5000", "MLFLOW_TRACKING_URI"), 2)
    shared = params(cluster__address="10.0.0.1:6379", base__store="s3://bucket/run", mlflow__tracking_uri="http://10.0.0.1:5000")
    with pytest.raises(
        UserError, match="^MLFLOW_TRACKING_URI: sqlite:///mine.db is a file of this machine.*has 2\n.*set MLFLOW_TRACKING_URI"
    ):
        reach.refuse_what_one_machine_has(shared, reach.Tracking("sqlite:///mine.db", "MLFLOW_TRACKING_URI"), 2)


def test_the_machines_of_a_cluster_are_asked(ray_local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "PACKAGES", ("numpy",))
    asked = params(cluster__address="127.0.0.1:1", base__store=str(tmp_path / "store"))
    reach.check(asked, tmp_path, LOCAL)
    assert list((tmp_path / "store").iterdir()) == []
    monkeypatch.setattr(reach, "wanted", lambda *_: reach.Wanted("3.11.0", {"numpy": "1.0"}, {}, "", None))
    with pytest.raises(UserError, match="numpy 2.* here 1.0"):
        reach.check(asked, tmp_path, LOCAL)


def test_the_code_that_is_sent_is_what_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sent").mkdir()
    folder = shipped.packed(ROOT, tmp_path / "sent")
    assert (folder / "pipeline/artifacts/reach.py").read_bytes() == (ROOT / "pipeline/artifacts/reach.py").read_bytes()
    assert not list(folder.rglob("__pycache__"))
    assert {path.name for path in folder.iterdir()} == set(shipped.TOPS)
    assert "code for the cluster's machines: " in capsys.readouterr().out


def test_code_that_weighs_too_much_is_refused_by_folder(tmp_path: Path) -> None:
    (tmp_path / "models/outrack").mkdir(parents=True)
    with (tmp_path / "models/outrack/weights.pth").open("wb") as stream:
        stream.truncate(60_000_000)
    with pytest.raises(UserError, match=r"60 MB, allowed are 50: models/outrack \(60 MB\)"):
        shipped.packed(tmp_path, tmp_path)
