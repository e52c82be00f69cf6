from __future__ import annotations

import functools
import http.server
import pickle
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline import sources
from pipeline.errors import ConnectionLost, UserError
from pipeline.files.frames import Frame
from pipeline.params.sections.data import Source
from pipeline.sources.defects import Defects
from pipeline.sources.inspect import inspect
from pipeline.sources.place import listed, local_copy, locate, relative, walked
from pipeline.sources.remote import Remote
from tests.pipeline.imitated import mot17, zipped
from tests.pipeline.recorded import record
from tests.pipeline.server import serving
from tests.relay import relayed


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A MOT17 of one sequence as a zip file whose folder is MOT17."""
    mot17(tmp_path / "unpacked/MOT17")
    return zipped(tmp_path / "unpacked", tmp_path / "MOT17.zip")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server over tmp_path that lists its folders."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def frames(root: str, start: Path) -> list[Frame]:
    """All frames of the one sequence, read by what a task gets after pickling."""
    entry = Source(name="set", kind="mot_challenge", root=root, sequences=None, images_per_file=8)
    (sequence,) = sources.plan([entry], data_root="", root=start, strict=True).sequences
    sequence = pickle.loads(pickle.dumps(sequence))
    return list(sequence.read(90, Defects(sequence.root, True)))


def same(one: list[Frame], other: list[Frame]) -> bool:
    return [(f.frame, f.image, f.objects.boxes.tolist()) for f in one] == [(f.frame, f.image, f.objects.boxes.tolist()) for f in other]


def test_a_local_folder_stays_a_path(tmp_path: Path) -> None:
    assert locate("a", tmp_path) == tmp_path / "a"
    assert locate(f"file://{tmp_path}/a", Path("/")) == tmp_path / "a"


def test_a_zip_is_read_in_place(archive: Path, tmp_path: Path) -> None:
    local = frames("unpacked/MOT17", tmp_path)
    assert len(local) == 3
    for root in (f"zip://MOT17::{archive}", "zip://MOT17::MOT17.zip", f"zip://MOT17::file://{archive}", "MOT17.zip"):
        assert same(frames(root, tmp_path), local), root


def test_memory_is_read_in_place(tmp_path: Path) -> None:
    mot17(tmp_path / "MOT17")
    fsspec.filesystem("memory").put(str(tmp_path / "MOT17"), "/place-test/MOT17", recursive=True)
    entry = Source(name="set", kind="mot_challenge", root="memory://place-test/MOT17", sequences=None, images_per_file=8)
    (sequence,) = sources.plan([entry], data_root="", root=tmp_path, strict=True).sequences
    assert same(list(sequence.read(90, Defects(sequence.root, True))), frames("MOT17", tmp_path))


def test_a_web_server_is_read_in_place(server: str, tmp_path: Path) -> None:
    mot17(tmp_path / "MOT17")
    assert same(frames(f"{server}/MOT17", tmp_path), frames("MOT17", tmp_path))


def test_an_archive_that_a_task_cannot_open_for_lack_of_a_connection_is_no_damaged_archive(archive: Path) -> None:
    with serving() as site, relayed(*site.server_address[:2]) as relay:
        site.files = {archive.name: archive.read_bytes()}
        root = locate(f"zip://MOT17::http://127.0.0.1:{relay.port}/{archive.name}", Path("/"))
        (image,) = [path for path in walked(root) if path.name == "000001.jpg"]
        sent = pickle.dumps(image)
        relay.limit = 500  # bytes: as the listing of the archive begins
        with pytest.raises(ConnectionLost, match=r"000001\.jpg: the connection was lost"):
            pickle.loads(sent).read_bytes()


def test_a_file_can_be_a_root(tmp_path: Path) -> None:
    record(tmp_path / "in/a/clip.mp4", 5)
    zipped(tmp_path / "in", tmp_path / "in.zip")
    entry = Source(name="set", kind="folder", root="zip://a/clip.mp4::in.zip", sequences=None, images_per_file=8)
    (sequence,) = sources.plan([entry], data_root="", root=tmp_path, strict=True).sequences
    assert (sequence.name, sequence.frames, sequence.source) == ("clip", 5, "clip.mp4")
    assert str(sequence.root) == f"zip://a::{tmp_path}/in.zip"


def test_a_video_of_an_archive_is_copied_only_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path / "in/a/clip.mp4", 5)
    zipped(tmp_path / "in", tmp_path / "in.zip")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert same(frames("in.zip", tmp_path), frames("in", tmp_path))
    assert list((tmp_path / "temporary").iterdir()) == []


def test_messages_name_the_place_and_not_the_copy(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/clip.mp4").write_bytes(b"no video")
    place = locate(str(zipped(tmp_path / "in", tmp_path / "in.zip")), tmp_path) / "clip.mp4"
    with pytest.raises(UserError, match=r"in\.zip/clip\.mp4: broken"), local_copy(place) as copy:
        raise UserError(f"{copy}: broken")


def test_the_paths_of_a_remote_root(archive: Path) -> None:
    root = locate(str(archive), Path("/"))
    assert isinstance(root, Remote)
    assert (root.name, [item.name for item in listed(root)], root.archive) == ("MOT17", ["MOT17"], archive)
    found = root / "MOT17/train/MOT17-02-FRCNN"
    assert (found.is_dir(), found.is_file(), (found / "gt/gt.txt").is_file(), (found / "none").exists()) == (True, False, True, False)
    assert [relative(path, found) for path in walked(found)][:3] == ["seqinfo.ini", "det/det.txt", "gt/gt.txt"]
    text = found / "seqinfo.ini"
    assert (text.stem, text.suffix, text.parent == found, text.stat().st_size) == ("seqinfo", ".ini", True, len(text.read_bytes()))


def test_defects_in_an_archive_are_named_by_its_address(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "unpacked/MOT17/train/MOT17-02-FRCNN/gt/gt.txt"
    path.write_text(path.read_text() + "2,x,1,1,5,5,1,1,1\n")
    zipped(tmp_path / "unpacked", archive)
    found = inspect(f"zip://MOT17::{archive}")
    assert found.all_defects == ["train/MOT17-02-FRCNN/gt/gt.txt:10: 'x' is not a number"]
    with pytest.raises(UserError, match=r"zip://MOT17::.*MOT17\.zip/train/MOT17-02-FRCNN/gt/gt\.txt:10: 'x'"):
        frames(f"zip://MOT17::{archive}", tmp_path)


def test_a_damaged_member_is_a_damaged_image(tmp_path: Path) -> None:
    mot17(tmp_path / "in")
    archive = zipped(tmp_path / "in", tmp_path / "in.zip")
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo("train/MOT17-02-FRCNN/img1/000002.jpg")
    raw = bytearray(archive.read_bytes())
    raw[info.header_offset + 500] ^= 255
    archive.write_bytes(bytes(raw))
    found = inspect(str(archive), decode=True)
    assert [line.partition(":")[0] for line in found.all_defects] == ["train/MOT17-02-FRCNN/img1/000002.jpg"]
    assert found.totals["frames"] == 2


@pytest.mark.parametrize(
    "root", ["zip://::none.zip", "zip://nothing::MOT17.zip", "nonsense://a", "http://127.0.0.1:9/a", "zip://::text.txt"]
)
def test_what_cannot_be_opened_is_named(root: str, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("no archive")
    with pytest.raises(UserError, match="next:") as caught:
        locate(root, tmp_path)
    assert root.partition("::")[0] in str(caught.value)
