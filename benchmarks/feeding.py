"""Feeding the paper preset's batches with 0, 1 and 2 processes: from Parquet, beside PyTorch's DataLoader over JPEG files and Ray Data.

All make the same samples by the same code but for where images come from: the first peer reads the data set's own files, as public loaders
do, the second files made small beforehand. Each runs in a process of its own. The limit is decoding the stored images.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from benchmarks.harness import Timed
from benchmarks.samples import mot17_mini, read_options, read_preset, read_sequences, write_samples
from models import load
from pipeline.closure import ROOT
from pipeline.frames import Frame, decode_jpeg
from pipeline.loader import SAMPLES, ClipDataset, Feed, build_feed, build_loader, collate
from pipeline.memory import keep_freed_memory
from pipeline.packing import PEDESTRIAN, ignored
from pipeline.spec import Batch, TrainingFrame

COPIES = 16  # of 39 MOT17 images: more row groups than a loader keeps in memory
EPOCH, BATCH = 160, 4  # pairs
PROCESSES, ROUNDS = (0, 1, 2), 3
PEERS = {"files": "DataLoader over JPEG files", "small": "DataLoader over small JPEG files", "ray": "Ray Data"}
AIM = 1.5


def measure() -> Iterator[Timed]:
    """A line for each number of processes; memory goes to the error stream."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, "mot17", list(read_sequences(mot17_mini() / "train")), COPIES)
        for processes in PROCESSES:
            ways = ("ours", "files", "small", *(("ray",) if processes else ()), "limit")
            rounds = [{way: run(way, folder, processes) for way in ways} for _ in range(ROUNDS)]
            seconds = {way: median(found[way]["seconds"] for found in rounds) for way in ways}
            held = [f"{PEERS.get(way, way)} {median(found[way]['megabytes'] for found in rounds):.0f} MB" for way in ways[:-1]]
            print(f"feeding, {processes} processes: {', '.join(held)}", file=sys.stderr)
            peers = {PEERS[way]: value for way, value in seconds.items() if way in PEERS}
            yield Timed(f"feeding, {processes} processes", "pair", seconds["ours"], peers, seconds["limit"] / max(processes, 1), AIM)


def prepare(folder: Path, preset: str, frames: list[Frame], copies: int) -> None:
    """Samples, and the same frames as files: of their own size, and of the samples'."""
    params = read_preset(preset, {"finetune": {"batch_size": BATCH, "epoch_samples": EPOCH}})
    write_samples(folder / SAMPLES["finetune"], params, frames, copies)
    feed = build_feed(params, read_options(preset), load("outrack"), "finetune", folder)
    (folder / "feed.pickle").write_bytes(pickle.dumps(feed))
    packed = ClipDataset(feed)
    rows = range(len(frames))
    _write_files(folder / "small", [packed.store.row(row).image for row in rows], [packed.stored(row) for row in rows])
    _write_files(
        folder / "files", [frame.image for frame in frames], [_whole(frame, packed.stored(row)) for row, frame in enumerate(frames)]
    )


def run(way: str, folder: Path, processes: int) -> dict[str, float]:
    """Time a way in a process of its own: seconds a pair after the first batch, most megabytes that it and its children held."""
    command = [sys.executable, "-m", "benchmarks.feeding", way, str(folder), str(processes)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def read_feed(folder: Path, processes: int) -> Feed:
    """What `prepare` wrote, with so many processes."""
    feed: Feed = pickle.loads((folder / "feed.pickle").read_bytes())
    return replace(feed, settings=feed.settings.model_copy(update={"loader_processes": processes}))


class FileClips(ClipDataset):
    """The same samples, each image read from a file of its own; labels lie in memory."""

    def __init__(self, feed: Feed, folder: Path) -> None:
        super().__init__(feed)
        self.folder = folder
        self.labels: list[TrainingFrame] = pickle.loads((folder / "labels.pickle").read_bytes())

    def stored(self, row: int) -> TrainingFrame:
        """The frame of a row."""
        row %= len(self.labels)
        path = self.folder / f"{row:06d}.jpg"
        return replace(self.labels[row], image=decode_jpeg(path.read_bytes(), str(path)))


def batches(way: str, folder: Path, processes: int) -> Iterator[Batch | dict[str, Any]]:
    """An epoch of batches, made one way."""
    feed = read_feed(folder, processes)
    if way == "ray":
        return _ray(feed, processes)
    dataset = None if way == "ours" else FileClips(feed, folder / way)
    return iter(build_loader(feed, rank=0, workers=1, pin_memory=False, dataset=dataset)[0])


class _RayClips:
    """What a Ray actor does."""

    def __init__(self, feed: Feed) -> None:
        cv2.setNumThreads(0)
        self.dataset = ClipDataset(feed)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        batch = collate([self.dataset[0, int(number)] for number in rows["id"]])
        return {"images": batch.images.numpy(), **{name: value.numpy() for name, value in batch.targets.items()}}


def _ray(feed: Feed, processes: int) -> Iterator[dict[str, Any]]:
    import ray

    ray.init(address="local", num_cpus=processes + 1, include_dashboard=False, object_store_memory=300_000_000, log_to_driver=False)
    rows = ray.data.range(EPOCH, override_num_blocks=EPOCH // BATCH)
    made = rows.map_batches(_RayClips, fn_constructor_args=(feed,), batch_size=BATCH, concurrency=processes)
    return iter(made.iter_torch_batches(batch_size=BATCH))


def _limit(folder: Path) -> float:
    store = ClipDataset(read_feed(folder, 0)).store
    images = [store.row(row).image for row in range(min(len(store), EPOCH))]
    for image in images:
        decode_jpeg(image, "")
    begun = time.perf_counter()
    for image in images:
        decode_jpeg(image, "")
    return 2 * (time.perf_counter() - begun) / len(images)


def _write_files(folder: Path, images: list[bytes], labels: list[TrainingFrame]) -> None:
    folder.mkdir()
    for row, image in enumerate(images):
        (folder / f"{row:06d}.jpg").write_bytes(image)
    nothing = np.zeros((0, 0, 3), np.uint8)
    (folder / "labels.pickle").write_bytes(pickle.dumps([replace(label, image=nothing) for label in labels]))


def _whole(frame: Frame, packed: TrainingFrame) -> TrainingFrame:
    keep = (frame.objects.classes == PEDESTRIAN) | ignored(frame)
    return replace(packed, boxes=frame.objects.boxes[keep])


@contextmanager
def _memory_watched() -> Iterator[list[float]]:
    """Most megabytes of this process and its children, shared pages counted once, in a list of one."""
    import psutil

    most, stop = [0.0], threading.Event()

    def held(process: Any) -> float:
        try:
            return float(process.memory_full_info().pss) / 1e6
        except psutil.Error:
            return 0.0

    def watch() -> None:
        me = psutil.Process()
        while not stop.wait(0.2):
            most[0] = max(most[0], sum(map(held, [me, *me.children(recursive=True)])))

    thread = threading.Thread(target=watch)
    thread.start()
    yield most
    stop.set()
    thread.join()


def main() -> None:
    """Run one way and print what it took."""
    way, folder, processes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    cv2.setNumThreads(0)
    keep_freed_memory()
    with _memory_watched() as most:
        if way == "limit":
            seconds = _limit(folder)
        else:
            source = batches(way, folder, processes)
            next(source)
            begun = time.perf_counter()
            count = sum(1 for _ in source)
            seconds = (time.perf_counter() - begun) / (count * BATCH)
    print(json.dumps({"seconds": seconds, "megabytes": most[0]}))


if __name__ == "__main__":
    main()
