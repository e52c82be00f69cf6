"""The stage on a tiny repository with Ray and MLflow and what a kill leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stages
from pipeline.artifacts.publication import file_digest, read_manifest
from pipeline.files.mot_text import read_rows
from pipeline.files.observations import read_observations
from pipeline.files.track_origin import read_track_origin
from pipeline.params import file as parameters
from pipeline.tracking.sequences import track_sequence
from stages.track import track
from tests.parameters import write_params
from tests.stages.repository import FIRST, FRAMES, Repository, model_folder

pytestmark = pytest.mark.usefixtures("ray_local")


def run(repository: Repository) -> None:
    stages.execute("track", track, repository.params, repository.root)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_held_out_frames_are_tracked_and_published(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    run(repository)
    rows = read_rows(repository.artifacts / "tracks" / "seq-1.txt", kind="results")
    assert len(rows.frame)
    assert set(rows.frame) <= set(range(FIRST, FRAMES + 1))
    line = (repository.artifacts / "tracks" / "seq-1.txt").read_text().splitlines()[0]
    assert line.count(",") == 9
    assert line.endswith(",-1,-1,-1")

    seen = list(read_observations(repository.artifacts / "observations" / "seq-2.parquet"))
    assert [item.frame for item in seen] == list(range(FIRST, FRAMES + 1))
    assert all(item.identities.tolist() == [1] and item.embeddings.shape == (1, 8) for item in seen)
    np.testing.assert_allclose(np.linalg.norm(seen[0].embeddings, axis=1), 1, rtol=1e-5)
    assert all((np.diff(item.detections.scores) <= 0).all() and (item.detections.scores >= 0.05).all() for item in seen)

    speed = json.loads((repository.artifacts / "speed.json").read_text())
    assert set(speed["sequences"]) == {"seq-1", "seq-2"}
    assert speed["frames"] == 2 * (FRAMES - FIRST + 1)
    assert speed["frames_per_second"] > 0
    assert set(speed["seconds"]) == {"total", "prepare", "network", "association"}
    weights = read_manifest(repository.artifacts / "finetune").files["weights.safetensors"]["sha256"]
    assert read_manifest(repository.artifacts / "tracks").facts["weights_sha256"] == weights
    origin = read_track_origin(repository.artifacts / "tracks")
    tracker = stages.check(repository.params)[1].model_dump()["tracker"]
    assert (origin.system, origin.weights_sha256, origin.tracker, origin.boxes) == ("outrack", weights, tracker, {})
    assert not origin.needs_labels
    assert sorted(path.name for path in repository.artifacts.iterdir()) == ["finetune", "observations", "pretrain", "speed.json", "tracks"]


def test_a_model_without_re_identification_tracks_by_motion_and_overlap(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    model_folder(repository.artifacts / "finetune", reid="none")
    run(repository)
    assert len(read_rows(repository.artifacts / "tracks" / "seq-1.txt", kind="results").frame)
    seen = list(read_observations(repository.artifacts / "observations" / "seq-2.parquet"))
    assert [item.embeddings.shape for item in seen] == [(1, 0)] * len(seen)
    assert seen


def test_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    run(repository)
    before = [contents(repository.artifacts / name) for name in ("tracks", "observations")]
    run(repository)
    assert [contents(repository.artifacts / name) for name in ("tracks", "observations")] == before


def test_finished_sequences_are_kept_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(tmp_path)
    done: list[str] = []

    def here(function: object, jobs: list[object], **_: object) -> None:
        for job in jobs:
            track_sequence(job)  # type: ignore[arg-type]
            done.append(job.name)  # type: ignore[attr-defined]
            if len(done) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", here)
    with pytest.raises(KeyboardInterrupt):
        run(repository)
    assert not (repository.artifacts / "tracks").exists()
    run(repository)
    assert done == ["seq-1", "seq-2"]
    assert sorted(contents(repository.artifacts / "tracks")) == [
        "manifest.json",
        "origin.json",
        *(f"{name}.{kind}" for name in ("seq-1", "seq-2") for kind in ("recovered.parquet", "txt")),
    ]
    assert set(json.loads((repository.artifacts / "speed.json").read_text())["sequences"]) == {"seq-1", "seq-2"}


def test_other_weights_do_not_pick_up_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(tmp_path, model=str(model_folder(tmp_path / "mine")))
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda function, jobs, **_: [function(jobs[0]), 1 / 0])
    with pytest.raises(ZeroDivisionError):
        run(repository)
    (tmp_path / "mine" / "model.json").write_text((tmp_path / "mine" / "model.json").read_text().replace("128", "160"))
    left: list[int] = []
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda function, jobs, **_: [left.append(len(jobs)), *map(function, jobs)])
    run(repository)
    assert left == [2]


FILES = {"detections": "file", "detections_files": "det/{sequence}.txt"}


def detections(folder: Path, score: float = 0.9, frame: int = FIRST) -> None:
    """A box in one frame of each sequence, in the second with an id."""
    folder.mkdir(exist_ok=True)
    for name, identity in (("seq-1", -1), ("seq-2", 4)):
        (folder / f"{name}.txt").write_text(f"{frame},{identity},10,20,20,60,{score}\n")


def test_another_detectors_files_are_tracked_and_belong_to_the_outputs_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path, **FILES)
    detections(tmp_path / "det")
    run(repository)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert said == [f"note: {tmp_path}/det/seq-2.txt: ids (column 2) go up to 4; detections have none, and they are not read"]
    rows = read_rows(repository.artifacts / "tracks" / "seq-1.txt", kind="results")
    assert rows.frame.tolist() == [FIRST], "the network's own boxes have no part in it"
    np.testing.assert_allclose(rows.boxes, [[10, 20, 30, 80]], atol=0.02)
    (seen, *_) = read_observations(repository.artifacts / "observations" / "seq-1.parquet")
    assert seen.detections.boxes.tolist() == [[10, 20, 30, 80]]
    assert seen.detections.embeddings.shape == (1, 8)
    names = [read_manifest(repository.artifacts / "tracks").fingerprint]
    boxes = read_track_origin(repository.artifacts / "tracks").boxes
    assert boxes == {f"walkers/{name}": file_digest(tmp_path / "det" / f"{name}.txt") for name in ("seq-1", "seq-2")}
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda function, jobs, **_: [*map(function, jobs)])
    for score in (0.8, 0.9):
        detections(tmp_path / "det", score)
        run(repository)
        names.append(read_manifest(repository.artifacts / "tracks").fingerprint)
    assert names[0] == names[2] != names[1]


def test_the_oracle_tracks_the_ground_truth(tmp_path: Path) -> None:
    repository = Repository(tmp_path, detections="ground_truth")
    run(repository)
    rows = read_rows(repository.artifacts / "tracks" / "seq-2.txt", kind="results")
    assert rows.frame.tolist() == list(range(FIRST, FRAMES + 1))
    np.testing.assert_allclose(rows.boxes[0], [8 * FIRST, 20, 8 * FIRST + 20, 80], atol=0.02)
    assert read_track_origin(repository.artifacts / "tracks").needs_labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"detections": "public"}, "seq-2 has no det"),
        ({"model": "nowhere"}, "no such folder: nowhere"),
        (FILES | {"detections_files": None}, "detections: file needs detections_files"),
        (FILES | {"detections_files": "{seq}.txt"}, "unknown {seq}; allowed: {data_root}, {dataset}, {sequence}"),
        (FILES | {"detections_files": "absent/{sequence}.txt"}, "absent/seq-1.txt: no such file"),
        (FILES | {"detections_files": "det/seq-1.txt"}, "det/seq-1.txt would serve two sequences"),
        (
            FILES | {"detections_files": "late/{sequence}.txt"},
            f"late/seq-1.txt:1: frame (column 1) is not of this sequence, which has 1 to {FRAMES}",
        ),
    ],
)
def test_what_cannot_be_tracked_is_said_before_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], message: str
) -> None:
    repository = Repository(tmp_path, **change)
    detections(tmp_path / "det")
    detections(tmp_path / "late", frame=FRAMES + 1)
    with pytest.raises(SystemExit) as stopped:
        run(repository)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def changed_tracker(repository: Repository, **options: Any) -> None:
    raw = parameters.read(repository.params)
    raw["model"]["tracker"] |= options
    write_params(repository.params, raw)


def test_other_options_of_the_tracker_take_the_stored_observations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, scratch = Repository(tmp_path / "one"), Repository(tmp_path / "two")
    run(repository)
    before = contents(repository.artifacts / "observations")
    for one in (repository, scratch):
        changed_tracker(one, iou_limit=0.01, unconfirmed_limit=0.01, buffer_seconds=0.1)
    run(scratch)
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda *_, **__: pytest.fail("the network saw these frames before"))
    run(repository)
    assert contents(repository.artifacts / "observations") == contents(scratch.artifacts / "observations")
    assert contents(repository.artifacts / "tracks") == contents(scratch.artifacts / "tracks")
    assert {name: text for name, text in before.items() if name != "manifest.json"} == {
        name: text for name, text in contents(repository.artifacts / "observations").items() if name != "manifest.json"
    }
    speed = json.loads((repository.artifacts / "speed.json").read_text())
    assert set(speed["sequences"]) == {"seq-1", "seq-2"}
    assert speed["seconds"]["network"] > 0, "of the run in which the network looked"


def test_an_option_that_decoding_reads_shows_the_network_the_frames_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(tmp_path)
    run(repository)
    changed_tracker(repository, top_k=3)
    looked: list[int] = []
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda function, jobs, **_: [looked.append(len(jobs)), *map(function, jobs)])
    run(repository)
    assert looked == [2]


def test_a_stage_with_nothing_to_do_ends_without_a_run_and_keeps_every_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path)
    run(repository)
    before = {name: contents(repository.artifacts / name) for name in ("tracks", "observations")}
    monkeypatch.setattr("stages.started", lambda *_, **__: pytest.fail("there is nothing to record"))
    run(repository)
    assert "nothing to do" in capsys.readouterr().out
    assert {name: contents(repository.artifacts / name) for name in before} == before
    content = bytearray((repository.artifacts / "observations" / "seq-1.parquet").read_bytes())
    content[40] ^= 1
    (repository.artifacts / "observations" / "seq-1.parquet").write_bytes(content)
    monkeypatch.undo()
    run(repository)
    assert {name: contents(repository.artifacts / name) for name in before} == before, "damage is seen, and made good"
