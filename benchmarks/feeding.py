"""Feeding the paper preset's batches with 0, 1 and 2 processes: from our shards, beside PyTorch's DataLoader over JPEG files and Ray Data.

All make samples by the same code but for where images come from: the first peer reads the data set's own files, as public loaders do, the
second files made small beforehand, Ray Data the same rows as Parquet, a pair's partner out of the rows that an actor gets at once,
unshuffled. Each runs in a process of its own. The limit is decoding the stored images. Processor time is that of all processes together.
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
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import torch
from torch.utils.data import DataLoader

from benchmarks.harness import Timed
from benchmarks.samples import mot17_mini, read_options, read_preset, read_sequences, write_samples
from models import load
from pipeline.artifacts.code import ROOT
from pipeline.contract.clips import Batch, TrainingFrame
from pipeline.feeding.clips import ClipPlanner
from pipeline.feeding.loader import SAMPLES, ClipDataset, Feed, build_feed, build_loader, collate, start_process
from pipeline.files.frames import Frame, decode_jpeg
from pipeline.files.sample_store import COLUMNS, RowGroup, Sample, SampleIndex, open_shard
from pipeline.packing.samples import ignored
from pipeline.params.classes import PEDESTRIAN
from pipeline.runtime.malloc import keep_freed_memory

COPIES = 16  # of 39 MOT17 images: more row groups than a loader keeps in memory
EPOCH, BATCH = 160, 4  # pairs
RAY_ROWS = 16  # rows that an actor gets at once, about a row group
RAY_EPOCH = 320  # pairs; twice as many, since some are ready when the first batch comes
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
            middle = {way: {key: median(found[way][key] for found in rounds) for key in rounds[0][way]} for way in ways}
            held = [f"{PEERS.get(way, way)} {middle[way]['megabytes']:.0f} MB" for way in ways[:-1]]
            print(f"feeding, {processes} processes: {', '.join(held)}", file=sys.stderr)
            for key, what in (("seconds", ""), ("core", ", processor time")):
                peers = {PEERS[way]: middle[way][key] for way in ways if way in PEERS}
                limit = middle["limit"][key] / (max(processes, 1) if key == "seconds" else 1)
                yield Timed(f"feeding, {processes} processes{what}", "pair", middle["ours"][key], peers, limit, AIM)


def prepare(folder: Path, preset: str, frames: list[Frame], copies: int) -> None:
    """Samples, and the same frames as files: of their own size, and of the samples'."""
    params = read_preset(preset, {"finetune": {"batch_size": BATCH, "epoch_samples": EPOCH}})
    write_samples(folder / SAMPLES["finetune"], params, frames, copies)
    feed = build_feed(params, read_options(preset), load("outrack"), "finetune", folder)
    (folder / "feed.pickle").write_bytes(pickle.dumps(feed))
    packed = ClipDataset(feed)
    (folder / "parquet").mkdir()
    table = open_shard(packed.store.shards[0], COLUMNS).read_all()
    pq.write_table(table, folder / "parquet/samples.parquet", row_group_size=RAY_ROWS, compression="none", use_dictionary=False)
    rows = range(len(frames))
    _write_files(folder / "small", [packed.store.row(row).image for row in rows], [packed.stored(row) for row in rows])
    _write_files(
        folder / "files", [frame.image for frame in frames], [_whole(frame, packed.stored(row)) for row, frame in enumerate(frames)]
    )


def run(way: str, folder: Path, processes: int) -> dict[str, float]:
    """Time one way of feeding in a process of its own, after its first batch.

    Returns:
        `seconds` and seconds of processor time (`core`) per pair, and the most `megabytes` that the process and its children held.
    """
    command = [sys.executable, "-m", "benchmarks.feeding", way, str(folder), str(processes)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def read_feed(folder: Path, processes: int) -> Feed:
    """The feed that `prepare` wrote, with this number of loader processes."""
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
    """An epoch of batches, made in the way that `way` names."""
    feed = read_feed(folder, processes)
    if way == "ray":
        return _ray(feed, processes)
    loader, sampler = build_loader(feed, rank=0, workers=1, pin_memory=False)
    if way == "ours":
        return iter(loader)
    return iter(
        DataLoader(
            FileClips(feed, folder / way),
            batch_sampler=sampler,
            num_workers=processes,
            collate_fn=partial(collate, trim=feed.training.trim),
            worker_init_fn=start_process,
        )
    )


class RayClips(ClipDataset):
    """What a Ray actor makes of some rows: a pair of each, its partner among them."""

    def __init__(self, feed: Feed) -> None:
        cv2.setNumThreads(0)
        keep_freed_memory()
        self.feed, self.people = feed, None

    def __call__(self, rows: Any) -> dict[str, Any]:
        """Images (B, F, H, W, 3), so that nothing is copied, and targets of `COLUMNS` of rows (a pyarrow.Table)."""
        self.rows = RowGroup(rows.combine_chunks().to_batches()[0])
        found = [self.rows.sample(row) for row in range(rows.num_rows)]
        columns = [np.array([getattr(sample, name) for sample in found]) for name in SampleIndex._fields]
        self.planner = ClipPlanner(
            SampleIndex(*columns),
            samples=self.feed.samples,
            seed=self.feed.seed,
        )
        batch = collate([self[0, row] for row in range(len(found))], self.feed.training.trim)
        images = batch.images.permute(0, 1, 3, 4, 2).numpy()
        return {"images": images, **{name: value.numpy() for name, value in batch.targets.items()}}

    def sample(self, row: int) -> Sample:
        """A sample out of the rows that the actor was given."""
        return self.rows.sample(row)


def _ray(feed: Feed, processes: int) -> Iterator[dict[str, Any]]:
    import ray

    ray.init(address="local", num_cpus=processes + 1, include_dashboard=False, object_store_memory=300_000_000, log_to_driver=False)
    rows = ray.data.read_parquet(str(feed.folder.parent / "parquet"), columns=COLUMNS).limit(RAY_EPOCH)
    made = rows.map_batches(
        RayClips, fn_constructor_args=(feed,), batch_size=RAY_ROWS, batch_format="pyarrow", zero_copy_batch=True, concurrency=processes
    )
    return iter(made.iter_torch_batches(batch_size=BATCH))


def _limit(folder: Path) -> tuple[float, float]:
    store = ClipDataset(read_feed(folder, 0)).store
    images = [store.row(row).image for row in range(min(len(store), EPOCH))]
    for image in images:
        decode_jpeg(image, "")
    begun, used = time.perf_counter(), time.process_time()
    for image in images:
        decode_jpeg(image, "")
    return 2 * (time.perf_counter() - begun) / len(images), 2 * (time.process_time() - used) / len(images)


def _write_files(folder: Path, images: list[bytes], labels: list[TrainingFrame]) -> None:
    folder.mkdir()
    for row, image in enumerate(images):
        (folder / f"{row:06d}.jpg").write_bytes(image)
    nothing = np.zeros((0, 0, 3), np.uint8)
    (folder / "labels.pickle").write_bytes(pickle.dumps([replace(label, image=nothing) for label in labels]))


def _whole(frame: Frame, packed: TrainingFrame) -> TrainingFrame:
    keep = (frame.objects.classes == PEDESTRIAN) | ignored(frame)
    return replace(packed, boxes=frame.objects.boxes[keep])


def _read(batch: Batch | dict[str, Any]) -> int:
    """Read one byte of each page of the images, as training reads them all: until then shared memory is neither mapped nor counted.

    Returns 1, so that batches can be counted.
    """
    images = torch.as_tensor(batch["images"]) if isinstance(batch, dict) else batch.images.permute(0, 1, 3, 4, 2)
    return int(images.reshape(-1)[::4096].sum()) >= 0


class Watch:
    """Megabytes and seconds of processor time of this process and those that it starts, as long as the context is open.

    Attributes:
        megabytes: most at once, shared pages counted once: also those of batches on their way, which no process has mapped. They
            count by what the system holds more than at the start, so that the machine must be quiet. Pages of files (libraries, the
            images themselves) do not count: they are the system's to drop, and the same for all processes of a machine.
    """

    def __init__(self) -> None:
        self.megabytes, self._seconds, self._stop = 0.0, dict[int, float](), threading.Event()
        self._shared = _kilobytes("/proc/meminfo", "Shmem:")
        self._lock, self._thread = threading.Lock(), threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def seconds(self) -> float:
        """Processor time until now, that of processes that have ended included."""
        self._look()
        return sum(self._seconds.values())

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            self._look()

    def _look(self) -> None:
        import psutil

        me, held = psutil.Process(), _kilobytes("/proc/meminfo", "Shmem:") - self._shared
        with self._lock:
            for process in (me, *me.children(recursive=True)):
                with suppress(psutil.Error, OSError):
                    held += _kilobytes(f"/proc/{process.pid}/smaps_rollup", "Pss_Anon:")
                    times = process.cpu_times()
                    self._seconds[process.pid] = times.user + times.system
            self.megabytes = max(self.megabytes, held * 1024 / 1e6)


def _kilobytes(path: str, *names: str) -> int:
    """The sum of some lines of one of the system's tables."""
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0] in names)


def main() -> None:
    """Run one way and print what it took."""
    way, folder, processes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    cv2.setNumThreads(0)
    keep_freed_memory()
    with Watch() as watch:
        if way == "limit":
            seconds, core = _limit(folder)
        else:
            source = batches(way, folder, processes)
            next(source)
            begun, used = time.perf_counter(), watch.seconds()
            pairs = BATCH * sum(map(_read, source))
            seconds, core = (time.perf_counter() - begun) / pairs, (watch.seconds() - used) / pairs
    print(json.dumps({"seconds": seconds, "core": core, "megabytes": watch.megabytes}))


if __name__ == "__main__":
    main()
