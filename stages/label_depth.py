"""Give every frame a depth map, offline."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.artifacts import digests, reuse
from pipeline.artifacts.publication import Publication, read_manifest, require_space
from pipeline.artifacts.store import Place, follow, relative
from pipeline.labelling.folders import Folder
from pipeline.params import file as parameters
from stages import Context, run

if TYPE_CHECKING:
    from pipeline.labelling.job import LabelTask, Speed

LOGGED = ("people", "horizon", "slope", "pictures", "scale", "windows", "window_scale_min", "window_scale_max")  # facts of depth files
PACE = ("gpus", "decode_ahead")  # parameters that change the pace only
BYTES_PER_PIXEL = 0.5  # of a 16-bit map as PNG, for the disk check


def label_depth(context: Context) -> None:
    """Write data/depth: one file per frame file, with a map and the objects' depths for each frame."""
    from models.teachers import ON_GPU, build
    from pipeline.files.frames import frame_facts, frame_files
    from pipeline.labelling.job import LabelTask, label_file
    from pipeline.runtime.actors import map_actors
    from pipeline.runtime.cluster import attached, gpus, map_tasks

    context.run.input(read_manifest(context.data / "frames"), "frames")
    folder = follow(context.data / "frames")
    folders = data_folders(context)
    backend = build(context.params.label_depth, folders)
    attach(context, backend.check())
    publication = context.publication(context.data / "depth")
    tasks = []
    for path in frame_files(folder):
        name, facts = relative(path, folder), frame_facts(path)
        where = folders[facts["dataset"]], publication, name
        tasks.append(LabelTask(backend, path, *where, facts["frames"], classes=tuple(context.params.pack_samples.classes)))
    tasks = keyed(context, tasks)
    frames = sum(task.count for task in tasks)
    require_space(publication.partial, int(frames * context.params.label_depth.map_size**2 * BYTES_PER_PIXEL), "labelling depth")
    known = reuse.by_key(reuse.parts(publication))
    waiting = [task for task in tasks if not reuse.settled(publication, task.name, task.key, known)]
    if len(waiting) < len(tasks):
        print(f"label_depth: {len(tasks) - len(waiting)} of {len(tasks)} files are as an earlier run made them")
    if waiting:
        teacher = context.params.label_depth.backend in ON_GPU
        with attached(context.params.cluster):
            share, spread = (context.params.label_depth.gpus if teacher and gpus() else 0), (map_actors if teacher else map_tasks)
            start = time.perf_counter()
            speeds = spread(label_file, waiting, label="Labelling depth", unit="frames", weight=lambda task: task.count, num_gpus=share)
            report_speed(context, speeds, time.perf_counter() - start)
    report(context, publication, [task.name for task in tasks])
    report_consistency(context, publication, tasks)
    context.run.output(publication.publish(backend=context.params.label_depth.backend, frames=frames, sequences=len(tasks)))


def keyed(context: Context, tasks: list[LabelTask]) -> list[LabelTask]:
    """The tasks with their keys: contents of the frame file, of pictures beside it and of the model, code, and the parameters."""
    files = read_manifest(context.data / "frames").files
    pictures: list[list[Place]] = [task.pictures() for task in tasks]
    model = model_files(context.params.label_depth.model)
    local = [path for paths in pictures for path in paths if isinstance(path, Path)]
    known = digests.digests([*local, *model], context.root)
    settings = context.params.label_depth.model_dump(exclude=set(PACE)), [known[path] for path in model]
    shared = parameters.digest(context.code, settings, context.params.pack_samples.classes)
    keyed = []
    for task, paths in zip(tasks, pictures, strict=True):
        named = [(os.path.relpath(path, str(task.folder.path)), known[path]) for path in paths if isinstance(path, Path)]
        key = parameters.digest(shared, task.name, files[task.name]["sha256"], named)
        keyed.append(replace(task, key=key if len(named) == len(paths) else None))  # pictures at a URL have no name
    return keyed


def model_files(model: str) -> list[Path]:
    """The files of a model that lies on this machine; of one that is named on a hub, none."""
    path = Path(model).expanduser()
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else []


def data_folders(context: Context) -> dict[str, Folder]:
    """Data set -> where it was read from."""
    from pipeline.params.roots import folder_of

    data_root = context.params.base.data_root
    sources = context.params.extract_frames.sources
    return {source.name: Folder(follow(folder_of(source, data_root, context.root)), source.images_per_file) for source in sources}


def report(context: Context, publication: Publication, names: list[str]) -> None:
    """Log each sequence's facts and its error against true depth, and their means; say which sequences have no depth."""
    from pipeline.files.depths import depth_facts

    errors: dict[str, list[float]] = {}
    for name in names:
        facts = depth_facts(publication.path(name))
        sequence = f"{facts['dataset']}/{facts['sequence']}"
        if facts.get("planes") == 0:
            print(f"{sequence}: nobody is annotated, so its depth is unknown (all maps are 0)")
        numbers: dict[str, float] = {key: float(facts[key]) for key in LOGGED if key in facts}
        numbers |= {f"error_{key}": value for key, value in facts["errors"].items()}
        if numbers:
            context.run.metrics({f"{key}/{metric_name(sequence)}": value for key, value in numbers.items()})
        for key, value in facts["errors"].items():
            errors.setdefault(f"error_{key}", []).append(value)
    means = {key: float(np.mean(values)) for key, values in errors.items()}
    if means:
        context.run.metrics(means)
        print("depth against truth: " + ", ".join(f"{key.removeprefix('error_')} {value:.3f}" for key, value in means.items()))


def report_speed(context: Context, speeds: Sequence[Speed], seconds: float) -> None:
    """Log frames per second of the stage, and of one of its processes beside its network alone (`labelling.job.rates`).

    Args:
        context: of the stage.
        speeds: of its files.
        seconds: from the first one's start to the last one's end.
    """
    from pipeline.labelling.job import rates

    numbers = {"frames_per_second": sum(item.frames for item in speeds) / seconds} | rates(speeds)
    if "model_share" in numbers:
        task, model = numbers["task_frames_per_second"], numbers["model_frames_per_second"]
        print(f"a process labels {task:.1f} frames/s, its network alone {model:.1f}, in passes of {numbers['batch_size']:.0f}")
    context.run.metrics(numbers)


def report_consistency(context: Context, publication: Publication, tasks: Sequence[LabelTask]) -> None:
    """Log how much the depth of tracked boxes changes from frame to frame (`pipeline/labelling/consistency.py`), each video's and the
    mean.
    """
    from pipeline.labelling.consistency import changes

    found = {task.name: changes(task.frames, publication.path(task.name), task.classes) for task in tasks}
    figures = {
        f"depth_change/{metric_name(Path(name).with_suffix('').as_posix())}": item.mean for name, item in found.items() if item.pairs
    }
    pairs = sum(item.pairs for item in found.values())
    if pairs:
        figures["depth_change"] = sum(item.total for item in found.values()) / pairs
        print(f"depth of tracked objects changes by {figures['depth_change']:.2%} from frame to frame ({pairs} pairs)")
        context.run.metrics(figures)


def attach(context: Context, texts: dict[str, str]) -> None:
    """Keep what a backend says about itself with the run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            path = Path(folder) / name
            path.write_text(text)
            context.run.artifact(path)
            print(f"{name}: {text.splitlines()[0]}")


def metric_name(sequence: str) -> str:
    """The sequence's name in the letters that MLflow allows."""
    return re.sub(r"[^\w\-. :/]", "_", sequence)


if __name__ == "__main__":
    run("label_depth", label_depth)
