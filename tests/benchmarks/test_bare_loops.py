"""Ours and the bare loops do the same work: what the loops write is what our files hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import extraction, packing
from pipeline.files.frames import frame_files, read_frames
from pipeline.files.sample_store import SampleStore


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "FRAMES", 4)
        packing.prepare(made)
    return made


def test_extraction_writes_the_bytes_of_the_bare_loop(folder: Path) -> None:
    bare = extraction.decode_and_encode(folder, "a")
    rows = list(read_frames(frame_files(folder / "frames")[0]))
    assert len(rows) == 4
    assert b"".join(row.image for row in rows) == bare.read_bytes()
    extraction.write_images(folder / "videos/a/a.mp4", folder / "images/a/img1")
    extraction.extract_to(folder / "stills", folder, "images", ("a",))
    bare = extraction.read_check_write(folder, "a")
    assert b"".join(row.image for row in read_frames(folder / "stills/images/a.parquet")) == bare.read_bytes()


def test_packing_writes_the_images_of_the_bare_loop(folder: Path) -> None:
    store, written = SampleStore(packing.pack(folder, "a") / "video"), packing.bare(folder, "a").read_bytes()
    images = [store.row(index).image for index in range(4)]
    assert all(image in written for image in images)
    assert (store.row(0).width, store.row(0).height) == (640, 360)
