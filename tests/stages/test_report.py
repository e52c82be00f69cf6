"""The page of a tiny repository: whole, valid, and without a link outside."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import pytest
from mlflow import MlflowClient

import stages
from stages import Context
from stages.report import _representations, report
from stages.track import track
from tests.stages.repository import Repository, write_metrics

VOID = {"meta", "link", "img", "br", "path", "use", "rect"}


class Checker(HTMLParser):
    """Collects every tag and insists that each one is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [str(values["id"])] if "id" in values else []
        self.sources += [str(values[name]) for name in ("src", "href", "xlink:href") if name in values]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, ray_local: None) -> Repository:
    made = Repository(tmp_path_factory.mktemp("report"))
    stages.execute("track", track, made.params, made.root)
    write_metrics(made)
    stages.execute("report", report, made.params, made.root)
    return made


@pytest.fixture(scope="module")
def page(repository: Repository) -> str:
    return (repository.artifacts / "report" / "index.html").read_text()


def test_the_page_is_valid_and_has_every_section(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    wanted = "Scores,Detection, re-identification, speed,Training,Tracked clips,Heat maps,Depth labels,Provenance"
    assert ",".join(checker.headings) == wanted


def test_nothing_is_loaded_from_outside(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert all(source.startswith(("data:", "#")) for source in checker.sources)
    anchors = {source[1:] for source in checker.sources if source.startswith("#")}
    assert anchors <= set(checker.ids)
    names = set(re.findall(r'xmlns(?::\w+)?="([^"]+)"', page))
    shown = re.sub(r'xmlns(?::\w+)?="[^"]+"|<pre>.*?</pre>', "", page, flags=re.DOTALL)
    assert "http" not in shown
    assert all(name.startswith("http://www.w3.org/") for name in names)
    assert "@import" not in page
    assert "<script" not in page


def test_scores_are_on_the_page(page: str) -> None:
    for value in ("61.50", "77.00", "79.00", "40.00", "91.00", "83.00", "25.50", "1\u2009234"):
        assert value in page


def test_clips_play(page: str, tmp_path: Path) -> None:
    clips = re.findall(r"data:video/mp4;base64,([^\"]+)", page)
    assert len(clips) == 2
    for content in clips:
        (tmp_path / "clip.mp4").write_bytes(base64.b64decode(content))
        with av.open(str(tmp_path / "clip.mp4")) as container:
            frames = list(container.decode(video=0))
        assert [(frame.width, frame.height) for frame in frames] == [(64, 48)] * 4


def test_pictures_are_there(page: str) -> None:
    """Two sequences: two heat maps each, and a frame beside its depth each."""
    assert page.count("data:image/jpeg;base64,") == 6
    assert "occlusion: seq-1, frame" in page


def test_the_page_hangs_on_the_run(repository: Repository) -> None:
    client = MlflowClient(f"sqlite:///{repository.root}/mlflow.db")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()], "tags.`throughline.stage` = 'report'")
    assert [item.path for item in client.list_artifacts(run.info.run_id, "report")] == ["report/index.html"]
    assert "report/index.html" in run.data.tags["mlflow.note.content"]


def test_the_same_inputs_give_the_same_page(repository: Repository, page: str) -> None:
    stages.execute("report", report, repository.params, repository.root)
    assert (repository.artifacts / "report" / "index.html").read_text() == page


def test_a_page_of_representations_is_linked_where_there_is_one(tmp_path: Path) -> None:
    context = cast(Context, SimpleNamespace(artifacts=tmp_path))
    assert _representations(context) == ""
    (tmp_path / "represent").mkdir()
    (tmp_path / "represent" / "index.html").touch()
    assert '<a href="../represent/index.html">' in _representations(context)


def test_no_clips_is_a_page_without_pictures(repository: Repository, tmp_path: Path) -> None:
    text = repository.params.read_text().replace("clips: 2", "clips: 0")
    (tmp_path / "params.yaml").write_text(text)
    stages.execute("report", report, tmp_path / "params.yaml", repository.root)
    page = (repository.artifacts / "report" / "index.html").read_text()
    assert "base64" not in page
    assert "Tracked clips" not in page
