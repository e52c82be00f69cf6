"""One source of each kind to its parameters, data, code and machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.params.sections.common import Mlflow
from pipeline.registry import champions, registry
from pipeline.registry.runs import StageRun, started
from pipeline.registry.scores import Candidate, Conditions, Score
from pipeline.registry.trace import Trace
from pipeline.runtime.machine import kind
from tests.mlflow_store import new_store
from tests.shared import ROOT
from tests.throughline.command import throughline
from throughline.traces import traces

SETTINGS = Mlflow(tracking_uri="sqlite:///mlflow.db", experiment="e", system_metrics=False)


class Pipeline:
    """Two stages that ran, each with what the frame of stages records, and a version with a score."""

    def __init__(self, root: Path) -> None:
        self.root = root
        new_store(root)
        self.stage("track", "tracks", "seq.txt")
        run = self.stage("evaluate", "evaluate", "metrics.json", reads="tracks")
        self.stage("report", "report", "index.html", reads="evaluate")
        self.uri = run.tracking_uri
        self.version(run)

    def stage(self, stage: str, name: str, part: str, reads: str | None = None) -> StageRun:
        tags = {"throughline.params_hash": "0a" * 32, "throughline.code": f"code-{stage}", "throughline.machine": json.dumps(kind())}
        with started(SETTINGS, self.root, stage=stage, tags=tags) as run:
            run.params({stage: {"threads": 1}})
            if reads is not None:
                run.input(self.manifest, reads)
            publication = Publication(self.root / "artifacts" / name, stage, stage * 4)
            with publication.write(part) as path:
                path.write_text(stage)
            self.manifest = publication.publish()
            run.output(self.manifest)
        return run

    def version(self, run: StageRun) -> None:
        conditions = Conditions("d" * 64, "private", "", "MOT17", ("pedestrian",))
        with registry.connected(run.tracking_uri) as client:
            client.create_registered_model("outrack")
            tags = Candidate("f" * 64, {"iou_limit": 0.8}).tags
            client.create_model_version("outrack", "file:///nowhere", run.run_id, tags)
        origin = {"run": run.run_id, "commit": "c0ffee", "parameters": "0a" * 32, "code of track": "code-track", "machine cpu": "EPYC"}
        champions.consider(run.tracking_uri, "outrack", "1", Score(conditions, {"HOTA": 71.0}, origin), "HOTA")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return Pipeline(tmp_path_factory.mktemp("traced"))


def traced(pipeline: Pipeline, source: str) -> Trace:
    (found,) = traces(source, pipeline.root, pipeline.uri)
    assert all((found.parameters, found.data, found.code, found.machine)), found.text
    return found


@pytest.mark.parametrize(
    ("source", "stages"),
    [
        ("artifacts/evaluate/metrics.json", {"track", "evaluate"}),  # a file
        ("artifacts/report/index.html", {"track", "evaluate", "report"}),  # the page, by all that is upstream of it
        ("artifacts/tracks", {"track"}),  # a folder
    ],
)
def test_what_a_stage_published_is_traced_through_all_stages_before_it(pipeline: Pipeline, source: str, stages: set[str]) -> None:
    (found,) = traces(source, pipeline.root, pipeline.uri)
    assert found.code == {stage: f"code-{stage}" for stage in stages}
    assert found.parameters["params.yaml"] == "0a" * 32
    assert {f"{stage}.threads" for stage in stages} <= found.parameters.keys()
    assert found.machine == kind()
    assert set(found.data) == {"tracks", "evaluate"} & ({"tracks"} if "evaluate" in stages else set()) | (
        {"evaluate"} if "report" in stages else set()
    )


def test_a_version_is_traced_by_its_score(pipeline: Pipeline) -> None:
    found = traced(pipeline, "models:/outrack/1")
    assert "HOTA 71.00" in found.what
    assert found.facts["weights"] == "f" * 64
    assert json.loads(found.facts["tracker"]) == {"iou_limit": 0.8}
    assert (found.data["evaluation data"], found.code["track"], found.machine) == ("d" * 64, "code-track", {"cpu": "EPYC"})


@pytest.mark.parametrize(
    "source",
    [
        "docs/tables.json#FairMOT+UTrack",  # rows of the ledger, by label
        "docs/tables.json#1",  # and by number
        "README.md:{hota}",  # a figure of the front page
        "docs/papers/outrack.md:{row}",  # a row of a paper's table
        "docs/performance.md:{line}",  # a line of the benchmarks' table
    ],
)
def test_committed_numbers_are_traced(source: str) -> None:
    lines = {
        "hota": _line("README.md", "| `make repro` |"),
        "row": _line("docs/papers/outrack.md", "| FairMOT+UTrack |"),
        "line": _line("docs/performance.md", "| association, 20 objects"),
    }
    for found in traces(source.format(**lines), ROOT, "sqlite://"):
        assert found.facts.get("commit")
        assert all((found.parameters, found.data, found.code)), found.text


def _line(page: str, words: str) -> int:
    return next(number for number, line in enumerate((ROOT / page).read_text().splitlines(), start=1) if words in line and "|" in line)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("README.md:1", "holds no figure"),
        ("nowhere.json", "no such source of numbers"),
        ("docs/tables.json#Unheard", "no row Unheard; rows are 1 to"),
        ("params.yaml", "no stage published it"),
    ],
)
def test_what_cannot_be_traced_is_said(source: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        traces(source, ROOT, "sqlite://")


def test_the_command_prints_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    line = _line("README.md", "| `make repro` |")
    assert throughline("trace", f"README.md:{line}") == 0
    printed = capsys.readouterr().out
    for part in ("command:", "commit:", "parameters:", "data:", "code:", "machine:"):
        assert f"\n  {part}" in printed
