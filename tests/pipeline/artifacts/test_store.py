from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import re
import socket
import sys
from pathlib import Path

import fsspec
import fsspec.config
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.artifacts import reuse, store
from pipeline.artifacts.publication import Publication, read_manifest
from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from tests.s3 import BUCKET, client, keys

FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture(params=["memory", "folder", "s3"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of each sort, empty."""
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()
        return "memory://run"
    if request.param == "folder":
        return str(tmp_path / "elsewhere")
    request.getfixturevalue("s3")
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


def publication(base: str, root: Path, fingerprint: str = FIRST, shown: tuple[str, ...] = ()) -> Publication:
    out = root / "data" / "things"
    return Publication(out, "make_things", fingerprint, store.folder_of(base, root, out), shown)


def publish(base: str, root: Path, fingerprint: str = FIRST, text: str = "one") -> Place:
    made = publication(base, root, fingerprint)
    with made.write("sub/one.txt") as path:
        path.write_text(text)
    made.publish(rows=1)
    return store.follow(made.out)


def local_files(root: Path) -> list[str]:
    """All but the memory of contents."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if not name.startswith(".throughline/"))


def test_the_repository_itself_is_no_store(root: Path) -> None:
    assert store.folder_of(".", root, root / "data" / "things") is None
    assert publish(".", root) == root / "data" / "things"
    assert local_files(root) == ["data/things/manifest.json", "data/things/sub/one.txt"]
    store.check(".", root)


def test_the_repository_keeps_a_pointer_with_the_same_manifest_and_readers_follow_it(base: str, root: Path, tmp_path: Path) -> None:
    where = publish(base, root)
    assert local_files(root) == ["data/things/manifest.json", "data/things/place.json"]
    assert str(where) == f"{base}/data/things/{FIRST[:12]}"
    assert sorted(store.listing(where)) == ["manifest.json", "sub/one.txt"]
    inside = store.follow(root / "data" / "things" / "sub" / "one.txt")
    assert inside.read_text() == "one"
    assert (str(inside), store.relative(inside, where)) == (f"{where}/sub/one.txt", "sub/one.txt")
    assert store.follow(root / "data" / "other.txt") == root / "data" / "other.txt"
    publish(".", tmp_path / "plain")
    plain = tmp_path / "plain" / "data" / "things"
    assert (root / "data/things/manifest.json").read_bytes() == (plain / "manifest.json").read_bytes()
    assert read_manifest(root / "data" / "things") == read_manifest(plain)


def test_finished_parts_survive_a_kill_and_half_written_ones_do_not(base: str, root: Path) -> None:
    made = publication(base, root)
    with made.write("done.txt") as path:
        path.write_text("done")
    with pytest.raises(KeyboardInterrupt), made.write("half.txt") as path:
        path.write_text("ha")
        raise KeyboardInterrupt
    again = pickle.loads(pickle.dumps(publication(base, root)))
    assert (again.done("done.txt"), again.done("half.txt")) == (True, False)
    assert not publication(base, root, SECOND).done("done.txt")
    manifest = again.publish()
    assert list(manifest.files) == ["done.txt"]
    assert sorted(store.listing(store.follow(made.out))) == ["done.txt", "manifest.json"]


def test_what_killed_runs_of_other_parameters_left_goes_and_published_versions_stay(base: str, root: Path) -> None:
    first = publish(base, root)
    older = (root / "data/things/place.json").read_bytes(), (root / "data/things/manifest.json").read_bytes()
    with publication(base, root, "c" * 64).write("left.txt") as path:
        path.write_text("by a kill")
    second = publish(base, root, SECOND, "two")
    assert sorted(version.name for version in second.parent.iterdir()) == [FIRST[:12], SECOND[:12]]
    assert store.follow(root / "data/things/sub/one.txt").read_text() == "two"
    for name, content in zip(("place.json", "manifest.json"), older, strict=True):
        (root / "data" / "things" / name).write_bytes(content)  # as `dvc checkout` does
    read_manifest(root / "data" / "things")
    assert store.follow(root / "data/things/sub/one.txt").read_text() == "one"
    assert store.follow(root / "data/things") == first


def test_no_version_goes_because_nobody_answers(s3: dict[str, str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(f"s3://{BUCKET}/silent", root)
    assert not isinstance(first, Path)
    monkeypatch.setattr(type(store.filesystem(first)), "isfile", lambda *_: False)  # what fsspec says then
    store.forget_unpublished(first.parent)
    assert "manifest.json" in store.listing(first)


def test_a_folder_of_many_small_files_counts_with_its_marker(base: str, root: Path) -> None:
    made = publication(base, root)
    with made.write("clip/gt.txt") as marker:
        with made.write_folder("clip", "clip/gt.txt") as folder:
            (folder / "img").mkdir()
            for number in range(3):
                (folder / "img" / f"{number}.jpg").write_bytes(bytes([number]) * 5)
        marker.write_text("truth")
    assert made.done("clip/gt.txt")
    manifest = made.publish()
    assert list(manifest.files) == ["clip/gt.txt", "clip/img/0.jpg", "clip/img/1.jpg", "clip/img/2.jpg"]
    assert {entry["size"] for entry in manifest.files.values()} == {5}
    assert store.follow(made.out / "clip/img/2.jpg").read_bytes() == b"\2" * 5


def test_small_parts_can_be_shown_beside_the_pointer(base: str, root: Path) -> None:
    made = publication(base, root, shown=("metrics.json",))
    for name in ("metrics.json", "more.txt"):
        with made.write(name) as path:
            path.write_text("{}")
    made.publish()
    assert local_files(root) == [f"data/things/{name}" for name in ("manifest.json", "metrics.json", "place.json")]


def test_a_missing_or_cut_file_is_noticed_before_anything_reads_it(base: str, root: Path) -> None:
    where = publish(base, root)
    read_manifest(root / "data" / "things")
    (where / "sub" / "one.txt").write_text("on")
    with pytest.raises(UserError, match=r"sub/one.txt: missing or changed .*\n.*dvc repro --force --single-item make_things"):
        read_manifest(root / "data" / "things")
    (where / "sub" / "one.txt").unlink()
    with pytest.raises(UserError, match=re.escape(f"{where}/sub/one.txt: missing")):
        read_manifest(root / "data" / "things")


def test_an_object_of_the_same_size_and_other_content_is_noticed(s3: dict[str, str], root: Path) -> None:
    publish(f"s3://{BUCKET}/tag", root)
    key = f"tag/data/things/{FIRST[:12]}/sub/one.txt"
    client(s3).put_object(Bucket=BUCKET, Key=key, Body=b"eno")
    with pytest.raises(UserError, match="sub/one.txt: missing or changed"):
        read_manifest(root / "data" / "things")
    client(s3).put_object(Bucket=BUCKET, Key=key, Body=b"one")
    read_manifest(root / "data" / "things")


def test_an_object_with_other_content_is_not_taken_over(s3: dict[str, str], root: Path) -> None:
    made = publication(f"s3://{BUCKET}/reuse", root)
    for name in ("one.txt", "two.txt"):
        with made.write(name, {"key": name}) as path:
            path.write_text(name)
    made.publish()
    assert sorted(reuse.by_key(reuse.parts(made))) == ["one.txt", "two.txt"]
    client(s3).put_object(Bucket=BUCKET, Key=f"reuse/data/things/{FIRST[:12]}/one.txt", Body=b"eno.txt")
    assert sorted(reuse.by_key(reuse.parts(made))) == ["two.txt"]


def table(path: Path) -> None:
    rows = pa.table({"frame": list(range(4000)), "image": [os.urandom(500) for _ in range(4000)]})
    pq.write_table(rows, path, row_group_size=100, compression="none")


def test_parquet_is_read_by_ranges(s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path / "part.parquet")
    where = store.place(f"s3://{BUCKET}/ranges/part.parquet")
    assert not isinstance(where, Path)
    store.upload({tmp_path / "part.parquet": where})
    read, files = [], type(store.filesystem(where))
    fetch = files._cat_file

    async def counted(self: object, path: str, **options: object) -> bytes:
        found: bytes = await fetch(self, path, **options)
        read.append(len(found))
        return found

    monkeypatch.setattr(files, "_cat_file", counted)
    with store.parquet(where) as file:
        assert file.read_row_group(7).column("frame").to_pylist() == list(range(700, 800))
    assert sum(read) < (tmp_path / "part.parquet").stat().st_size / 10
    found = store.read_table(where, columns=["frame"], filters=[("frame", "==", 1234)])
    assert found.column("frame").to_pylist() == [1234]


def test_a_forked_process_reads_what_its_parent_opened(s3: dict[str, str], tmp_path: Path) -> None:
    table(tmp_path / "part.parquet")
    where = store.place(f"s3://{BUCKET}/fork/part.parquet")
    assert not isinstance(where, Path)
    store.upload({tmp_path / "part.parquet": where})
    assert store.parquet(where).metadata.num_rows == 4000
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(_rows, [where]).get(timeout=60) == 4000


def _rows(where: Place) -> int:
    return int(store.parquet(where).metadata.num_rows)


def test_a_local_copy_lives_as_long_as_the_block(base: str, root: Path) -> None:
    where = publish(base, root)
    with store.local(where) as folder:
        assert (folder / "sub" / "one.txt").read_text() == "one"
    with store.local(where / "sub" / "one.txt") as file:
        assert (file.name, file.read_text()) == ("one.txt", "one")
    assert (folder.exists(), file.exists()) == ((True, True) if isinstance(where, Path) else (False, False))


def test_the_check_leaves_nothing_behind(base: str, root: Path) -> None:
    if base.startswith("memory://"):
        with pytest.raises(UserError, match=r"base.store: memory://run: memory:// ends with its process.*\nnext: name a folder"):
            store.check(base, root)
        return
    store.check(base, root)
    assert store.listing(store.place(base)) == {}


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("nope://bucket/run", "unknown protocol nope\nnext: name a folder, or a URL"),
        ("gs://bucket/run", ".*\nnext: pip install gcsfs"),
        ("gcs://bucket/run", ".*\nnext: pip install gcsfs"),
        ("abfs://box@account.dfs.core.windows.net/run", ".*\nnext: pip install adlfs"),
        ("http://127.0.0.1:9/run", "cannot be written .*does not support writing"),
        ("s3://no-such-bucket/run", "cannot be written .*bucket"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_message(
    s3: dict[str, str], root: Path, address: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    with pytest.raises(UserError, match=rf"base.store: {address}: {complaint}"):
        store.check(address, root)


def test_no_credentials_and_no_server_are_one_message(s3: dict[str, str], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(root / "none"))
    fsspec.filesystem("s3").clear_instance_cache()
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(key)
    with pytest.raises(UserError, match="Unable to locate credentials.*\nnext: check .* AWS_ACCESS_KEY_ID"):
        store.check(f"s3://{BUCKET}/run", root)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(UserError, match="Could not connect to the endpoint URL"):
        store.check(f"s3://{BUCKET}/run", root)
    fsspec.filesystem("s3").clear_instance_cache()


def test_a_store_that_does_not_answer_is_one_message_within_a_minute(
    s3: dict[str, str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fsspec.config.conf["s3"]["config_kwargs"]
    assert store._S3_ATTEMPTS * calls["retries"]["total_max_attempts"] * calls["read_timeout"] <= 32
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setitem(fsspec.config.conf["s3"], "config_kwargs", calls | {"read_timeout": 0.05})
        fsspec.filesystem("s3").clear_instance_cache()
        with pytest.raises(UserError, match="cannot be written .Read timeout on endpoint URL"):
            store.check(f"s3://{BUCKET}/run", root)
    fsspec.filesystem("s3").clear_instance_cache()


def test_objects_appear_under_their_fingerprint_and_records_go(s3: dict[str, str], root: Path) -> None:
    publish(f"s3://{BUCKET}/layout", root)
    assert [key for key in keys(s3) if key.startswith("layout/")] == [
        f"layout/data/things/{FIRST[:12]}/{name}" for name in ("manifest.json", "sub/one.txt")
    ]
    pointer = json.loads((root / "data" / "things" / "place.json").read_text())
    assert pointer == {"place": f"s3://{BUCKET}/layout/data/things/{FIRST[:12]}"}


def test_a_small_file_is_replaced_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        store.write_text(tmp_path / "x/speed.json", json.dumps({"a": number}))
    assert json.loads((tmp_path / "x/speed.json").read_text()) == {"a": 2}
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["speed.json"]
