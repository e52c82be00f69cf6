"""Packing beside a bare loop that decodes, resizes, encodes and writes the same images and depth maps. Then two workers beside one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq

from benchmarks.extraction import FRAMES, HEIGHT, WIDTH, extract_to, forget, fresh, write_video
from benchmarks.harness import Timed, compare
from benchmarks.workers import beside_one
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import Place
from pipeline.files import depth_codec
from pipeline.files.depths import DepthRow, DepthWriter
from pipeline.files.frames import frame_facts, frame_files, read_frames
from pipeline.packing.samples import Shape
from pipeline.packing.shards import Source, plan_shards, write_shard

SHAPE = Shape(width=640, height=384, depth_stride=4, jpeg_quality=95, row_group_bytes=2_000_000, shard_bytes=256_000_000)
MAP = (160, 90)


def measure() -> Iterator[Timed]:
    """One worker beside the bare loop; then two workers on two sequences."""
    with tempfile.TemporaryDirectory(prefix="throughline-packing-") as name:
        folder = Path(name)
        prepare(folder)
        bare_loop = {"decode, resize, encode, write": partial(bare, folder, "a")}
        ours = partial(pack, folder, "a")
        what = f"packing, {WIDTH}x{HEIGHT} to {SHAPE.width}x{SHAPE.height}"
        yield compare(what, "frame", FRAMES, ours, bare_loop, aim=0.85, rounds=5, clock=time.process_time, after=forget(folder))
        yield from beside_one("packing", 2 * FRAMES, pack, bare, [(folder, "a"), (folder, "b")], forget(folder))


def prepare(folder: Path) -> None:
    """Two sequences of frames, with depth."""
    write_video(folder / "videos/a/a.mp4")
    shutil.copytree(folder / "videos/a", folder / "videos/b")
    extract_to(folder / "frames", folder, "videos", ("a", "b"))
    png, scale = depth_codec.encode(np.random.default_rng(1).normal(20, 3, MAP[::-1]).astype(np.float32).round())
    for path in frame_files(folder / "frames"):
        depths = folder / "depth" / path.parent.name / path.name
        depths.parent.mkdir(parents=True, exist_ok=True)
        with DepthWriter(depths, {}) as writer:
            for row in read_frames(path, ["dataset", "sequence", "frame"]):
                writer.write(DepthRow(row.dataset, row.sequence, row.frame, png, scale, np.zeros(0, np.float32)))


def pack(folder: Path, name: str) -> Place:
    """Pack one sequence as the stage does; returns the folder that was written."""
    publication = Publication(fresh(folder) / "out", "pack_samples", "a" * 64)
    frames, depths = (folder / part / f"videos/{name}.parquet" for part in ("frames", "depth"))
    for shard in plan_shards("video", [Source(frames, depths, frame_facts(frames)["frames"])], SHAPE, publication):
        write_shard(shard)
    return publication.partial


def bare(folder: Path, name: str) -> Path:
    """The unavoidable work: each JPEG is decoded, resized and encoded, each PNG decoded, subsampled and encoded, both are written.

    Returns the file.
    """
    images = pq.read_table(folder / f"frames/videos/{name}.parquet", columns=["image"])["image"]
    maps = pq.read_table(folder / f"depth/videos/{name}.parquet", columns=["depth"])["depth"]
    width, height = SHAPE.width, round(SHAPE.width * HEIGHT / WIDTH)
    rows, columns = (np.linspace(0, size - 1, count).astype(int) for size, count in ((MAP[1], height // 4), (MAP[0], width // 4)))
    written = fresh(folder) / "bare"
    with written.open("wb") as out:
        for image, depth in zip(images, maps, strict=True):
            pixels = cv2.imdecode(np.frombuffer(image.as_buffer(), np.uint8), cv2.IMREAD_COLOR_RGB)
            small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[arg-type]
            turned = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
            out.write(cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, SHAPE.jpeg_quality])[1].tobytes())
            codes = depth_codec.decode_codes(depth.as_py())
            out.write(depth_codec.encode_codes(np.ascontiguousarray(codes[rows[:, None], columns[None, :]])))
    return written
