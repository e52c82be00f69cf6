"""A source or the store goes away in the middle of a stage: one message, exit status 1, and the next run goes on from finished parts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pytest

import stages
from pipeline.artifacts.publication import Publication, read_manifest
from pipeline.runtime import cluster
from stages.extract_frames import extract_frames
from tests.parameters import walkers, write_params
from tests.pipeline.imitated import sequence, zipped
from tests.pipeline.server import Site, serving
from tests.relay import relayed
from tests.s3 import BUCKET, keys

PADDING = 6_000_000  # bytes: more than fsspec reads ahead


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


def parameters(root: Path, sources: Sequence[tuple[str, str]], defects: str = "fail", kept: str = ".") -> Path:
    raw = walkers()
    raw["base"]["store"], raw["mlflow"]["system_metrics"] = kept, False
    entries = [{"name": name, "kind": "mot_challenge", "root": place, "sequences": None, "images_per_file": 8} for name, place in sources]
    raw["extract_frames"] |= {"sources": entries, "defects": defects}
    return write_params(root / "params.yaml", raw)


def archive(folder: Path, name: str) -> bytes:
    """A zip of one sequence whose images lie far apart."""
    made = sequence(folder / name / "train" / f"{name}-01")
    image = made / "img1/000002.jpg"
    image.write_bytes(image.read_bytes() + bytes(PADDING))
    return zipped(folder / name, folder / f"{name}.zip").read_bytes()


def answer_after(site: Site, publication: Publication, part: str) -> None:
    while not publication.done(part):
        time.sleep(0.05)
    site.answering.set()


def lost(params: Path, root: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Run the stage, which must end as one does whose connection was lost; returns what it says."""
    with pytest.raises(SystemExit) as stopped:
        stages.execute("extract_frames", extract_frames, params, root)
    said = capfd.readouterr().err
    assert stopped.value.code == 1, said
    assert "Traceback" not in said
    assert said.count("error: ") == 1
    return said[said.index("error: ") :]


@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("defects", ["fail", "skip_and_report"])
def test_a_source_that_breaks_off_is_no_defect_of_the_data(
    site: Site, tmp_path: Path, defects: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    site.files = {f"{name}.zip": archive(tmp_path / "in", name) for name in ("one", "two")}
    with relayed(*site.server_address[:2]) as relay:
        first = tmp_path / "in" / "one.zip"
        second = f"zip://::http://127.0.0.1:{relay.port}/two.zip"
        params = parameters(tmp_path, [("first", str(first)), ("second", second)], defects)
        map_tasks = cluster.map_tasks

        def cut_after_the_first(function: Callable[[Any], Any], items: Sequence[Any], **options: Any) -> list[Any]:
            relay.limit = PADDING // 2
            site.answering.clear()
            threading.Thread(target=answer_after, args=(site, items[0].publication, items[0].part), daemon=True).start()
            return map_tasks(function, items, **options)

        monkeypatch.setattr(cluster, "map_tasks", cut_after_the_first)
        said = lost(params, tmp_path, capfd)
        assert f"error: {second}/train/two-01/img1/00000" in said
        assert "the connection was lost (" in said
        assert "next: see that the address answers and run the same command again; finished parts are kept" in said
        assert not (tmp_path / "data/frames").exists()

        monkeypatch.setattr(cluster, "map_tasks", map_tasks)
        relay.mend()
        stages.execute("extract_frames", extract_frames, params, tmp_path)
        assert "1 of 2 sequences are as an earlier run made them" in capfd.readouterr().out
    manifest = read_manifest(tmp_path / "data/frames")
    assert (list(manifest.files), manifest.facts["frames"], manifest.facts["defects"]) == (
        ["first/one-01.parquet", "second/two-01.parquet"], 6, [],
    )  # fmt: skip


@pytest.mark.slow  # it waits for the client to give up
def test_a_store_that_goes_away_keeps_what_it_has(
    s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        sequence(tmp_path / "in" / "train" / f"{name}-01")
    params = parameters(tmp_path, [("set", str(tmp_path / "in"))], kept=f"s3://{BUCKET}/lost")
    address = urlsplit(s3["AWS_ENDPOINT_URL"])
    with relayed(str(address.hostname), address.port or 0) as relay:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{relay.port}")
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        ran: list[str] = []

        def cut_after_the_first(function: Callable[[Any], Any], items: Sequence[Any], **_: Any) -> list[Any]:
            for item in items:
                function(item)
                ran.append(item.part)
                if len(items) > 1:
                    relay.cut()
            return []

        monkeypatch.setattr(cluster, "attached", lambda _: nullcontext())
        monkeypatch.setattr(cluster, "map_tasks", cut_after_the_first)
        said = lost(params, tmp_path, capfd)
        assert said.startswith(f"error: base.store: s3://{BUCKET}/lost: the connection was lost (Could not connect to the endpoint URL: ")
        assert said.endswith("next: see that the address answers and run the same command again; finished parts are kept\n")
        assert [key.rpartition("/")[2] for key in keys(s3) if key.startswith("lost/") and key.endswith(".parquet")] == ["one-01.parquet"]

        relay.mend()
        stages.execute("extract_frames", extract_frames, params, tmp_path)
        assert ran == ["set/one-01.parquet", "set/two-01.parquet"], "the first was not read again"
        assert list(read_manifest(tmp_path / "data/frames").files) == ["set/one-01.parquet", "set/two-01.parquet"]
    fsspec.get_filesystem_class("s3").clear_instance_cache()
