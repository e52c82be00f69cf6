from __future__ import annotations

import base64
import functools
import shutil
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.artifacts.publication import Manifest, Publication, read_manifest
from pipeline.errors import UserError
from pipeline.files.frames import frame_files, read_frames
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.registry.runs import StageRun
from stages import Context
from stages.extract_frames import extract_frames
from tests.parameters import walkers
from tests.pipeline.imitated import coco_video, mot17, videos, zipped
from tests.pipeline.recorded import crowdhuman, mot_sequence, record, truncate
from tests.shared import dataset

GT = "1,4,10,20,30,40,1,1,1\n3,5,10,20,30,40,1,1,1\n"


class RecordedRun:
    """Stands in for the MLflow run and keeps what the stage logs."""

    def __init__(self) -> None:
        self.logged: dict[str, float] = {}
        self.inputs: list[str] = []
        self.outputs: list[Manifest] = []

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        self.logged |= values

    def input(self, manifest: Manifest, name: str) -> None:
        self.inputs.append(name)

    def output(self, manifest: Manifest) -> None:
        self.outputs.append(manifest)


def source(name: str, kind: str, root: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "root": root, "sequences": None, "images_per_file": 2}


SOURCES = [source("videos", "mot_challenge", "{data_root}/videos"), source("people", "crowdhuman", "{data_root}/people")]


def context(
    root: Path, sources: list[dict[str, Any]] = SOURCES, defects: str = "fail", data_root: str = "in"
) -> tuple[Context, RecordedRun]:
    raw = walkers()
    raw["base"]["data_root"] = data_root
    raw["extract_frames"] |= {"sources": sources, "defects": defects}
    run = RecordedRun()
    params = parameters.validate(Params, raw, where="test")
    return Context(params, cast(Any, None), "extract_frames", root, cast(StageRun, run), "1" * 64), run


def public_layouts(root: Path) -> Path:
    mot_sequence(root / "in/videos/a", gt=GT, det="2,-1,1,1,5,5,0.5\n", ini="[Sequence]\nframeRate=10\nseqLength=3\n")
    record(root / "in/videos/b/b.mp4", 6)
    crowdhuman(root / "in/people", ["x", "y", "z"], ["w"])
    return root


def digest(root: Path) -> str:
    return read_manifest(root / "data/frames").digest


@pytest.mark.usefixtures("ray_local")
def test_the_stage_publishes_every_sequence_and_logs_counts(tmp_path: Path) -> None:
    made, run = context(public_layouts(tmp_path))
    extract_frames(made)
    manifest = read_manifest(tmp_path / "data/frames")
    assert sorted(manifest.files) == [
        "people/train-00000.parquet",
        "people/train-00001.parquet",
        "people/val-00000.parquet",
        "videos/a.parquet",
        "videos/b.parquet",
    ]
    expected = {"sequences": 5, "frames": 13, "objects": 6, "identities": 2, "detections": 1, "defects": 0}
    assert {key: run.logged[key] for key in expected} == expected
    assert {"seconds", "frames_per_second", "image_bytes"} <= set(run.logged)
    assert run.outputs[0].digest == manifest.digest
    assert len(list(read_frames(frame_files(tmp_path / "data/frames")[-1]))) == 6


@pytest.mark.usefixtures("ray_local")
def test_two_folders_get_the_same_bytes_and_a_killed_run_goes_on(tmp_path: Path) -> None:
    for name in ("one", "two"):
        public_layouts(tmp_path / name)
    extract_frames(context(tmp_path / "one")[0])
    # What a SIGKILL leaves behind: a partial folder with some sequences, and a half-written one.
    frames = tmp_path / "two/data/frames"
    publication = Publication(frames, "extract_frames", "1" * 64)
    made_from = read_manifest(tmp_path / "one/data/frames").files["videos/a.parquet"]["made_from"]
    with publication.write("videos/a.parquet", made_from) as path:
        shutil.copy(tmp_path / "one/data/frames/videos/a.parquet", path)
    (publication.partial / "videos/.b.parquet.7.tmp").write_bytes(b"half")
    kept = publication.path("videos/a.parquet").stat().st_ino
    extract_frames(context(tmp_path / "two")[0])
    assert (frames / "videos/a.parquet").stat().st_ino == kept
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    manifests = [(tmp_path / name / "data/frames/manifest.json").read_bytes() for name in ("one", "two")]
    assert manifests[0] == manifests[1]


def break_gt(root: Path) -> None:
    (root / "in/videos/a/gt/gt.txt").write_text(GT + "4;4\n")


def break_odgt(root: Path) -> None:
    with (root / "in/people/annotation_val.odgt").open("a") as stream:
        stream.write("{'ID': 'x'}\n")


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        pytest.param(break_gt, r"videos/a/gt/gt\.txt:3: ", id="gt"),
        pytest.param(break_odgt, r"annotation_val\.odgt:2: not JSON", id="odgt"),
        pytest.param(lambda root: shutil.rmtree(root / "in/people"), r"in/people: no such folder", id="folder"),
        pytest.param(lambda root: truncate(root / "in/videos/b/b.mp4", 0.5), r"b\.mp4: the video cannot be opened", id="video"),
    ],
)
def test_bad_input_stops_the_stage_before_any_task(tmp_path: Path, harm: Any, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    harm(public_layouts(tmp_path))
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda *a, **k: pytest.fail("a task was started"))
    with pytest.raises(UserError, match=named):
        extract_frames(context(tmp_path)[0])
    assert not (tmp_path / "data/frames").exists()


def test_a_full_disk_stops_the_stage_before_any_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public_layouts(tmp_path)
    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", lambda *a, **k: pytest.fail("a task was started"))
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="extracting frames needs about"):
        extract_frames(context(tmp_path)[0])


@pytest.mark.usefixtures("ray_local")
def test_a_corrupt_jpeg_stops_the_stage_and_can_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truncate(public_layouts(tmp_path) / "in/videos/a/img1/000002.jpg", 0.6)
    with pytest.raises(UserError, match=r"videos/a/img1/000002\.jpg"):
        extract_frames(context(tmp_path)[0])
    made, run = context(tmp_path, defects="skip_and_report")
    extract_frames(made)
    named = read_manifest(tmp_path / "data/frames").facts["defects"]
    assert run.logged["defects"] == 1
    assert len(named) == 1
    assert named[0].startswith("videos: a/img1/000002.jpg: ")
    assert "left out: videos: a/img1/000002.jpg" in capsys.readouterr().out
    assert [frame.frame for frame in read_frames(tmp_path / "data/frames/videos/a.parquet")] == [1, 3]


@pytest.mark.usefixtures("ray_local")
def test_an_archive_gives_the_frames_of_its_folder(tmp_path: Path) -> None:
    for index, kind in enumerate(("mot_challenge", "coco", "folder")):
        make = {"mot_challenge": mot17, "coco": coco_video, "folder": videos}[kind]
        folder = make(tmp_path / f"in/{index}")
        zipped(folder, tmp_path / f"in/{index}.zip")
        found = []
        for name, root in (("folder", f"{{data_root}}/{index}"), ("archive", f"{{data_root}}/{index}.zip")):
            made, _ = context(tmp_path / name, [source("set", kind, root)], data_root=str(tmp_path / "in"))
            extract_frames(made)
            files = frame_files(tmp_path / name / "data/frames")
            rows = [(row.sequence, row.frame, row.image, row.objects.boxes.tolist()) for path in files for row in read_frames(path)]
            found.append(rows)
            shutil.rmtree(tmp_path / name)
        assert found[0] == found[1], kind
        assert len(found[0]) > 2


@pytest.mark.slow
@pytest.mark.usefixtures("ray_local")
def test_real_data_sets(tmp_path: Path) -> None:
    folder = dataset("PETS09-S2L1").parent
    dataset("MOT17-mini")
    sources = [source("pets", "mot_challenge", "{data_root}/PETS09-S2L1"), source("mini", "mot_challenge", "{data_root}/MOT17-mini/train")]
    made, run = context(tmp_path, sources, data_root=str(folder))
    extract_frames(made)
    assert {key: run.logged[key] for key in ("sequences", "frames", "objects", "identities", "detections", "defects")} == {
        "sequences": 8,
        "frames": 795 + 39,
        "objects": 4650 + 1540,
        "identities": 19 + 251,
        "detections": 5578 + 531,
        "defects": 0,
    }


class Guarded(SimpleHTTPRequestHandler):
    """Serves a folder to who knows the password."""

    def do_GET(self) -> None:
        self.answer(super().do_GET)

    def do_HEAD(self) -> None:
        self.answer(super().do_HEAD)

    def answer(self, work: Callable[[], None]) -> None:
        if self.headers.get("Authorization") == "Basic " + base64.b64encode(b"alice:S3CRETPW").decode():
            work()
        else:
            self.send_response(401)
            self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_password_lets_in_and_is_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_local: None) -> None:
    crowdhuman(tmp_path / "site/people", ["x", "y"], [])
    monkeypatch.setenv("DATA_USER", "alice")
    monkeypatch.setenv("DATA_PASSWORD", "wrong")
    served = functools.partial(Guarded, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://${{DATA_USER}}:${{DATA_PASSWORD}}@127.0.0.1:{server.server_port}/people"
        given, _ = context(tmp_path / "work", [source("people", "crowdhuman", root)])
        with pytest.raises(UserError, match="the server does not let you in \\(status 401\\)") as refused:
            extract_frames(given)
        assert "wrong" not in str(refused.value)
        monkeypatch.setenv("DATA_PASSWORD", "S3CRETPW")
        extract_frames(given)
        server.shutdown()
    made = [path for path in (tmp_path / "work").rglob("*") if path.is_file()]
    assert sum(1 for path in frame_files(tmp_path / "work/data/frames") for _ in read_frames(path)) == 2
    assert not [path for path in made if b"S3CRETPW" in path.read_bytes()]
