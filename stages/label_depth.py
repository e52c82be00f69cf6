"""Give every frame a depth map, offline."""

from __future__ import annotations

import re

import numpy as np

from models.depth.folders import Folder
from pipeline.publish import Publication, read_manifest, require_space
from stages import Context, run

BYTES_PER_PIXEL = 0.5  # of a 16-bit map as PNG, for the disk check


def label_depth(context: Context) -> None:
    """Write data/depth: a file a frame file, a map and the objects' depths a frame."""
    from models.depth import build
    from models.depth.labelling import LabelTask, label_file
    from pipeline.cluster import attached, gpus, map_tasks
    from pipeline.frames import frame_facts, frame_files

    folder = context.data / "frames"
    context.run.input(read_manifest(folder), "frames")
    folders = data_folders(context)
    backend = build(context.params.label_depth, folders)
    publication = context.publication(context.data / "depth")
    tasks = []
    for path in frame_files(folder):
        name, facts = path.relative_to(folder).as_posix(), frame_facts(path)
        tasks.append(LabelTask(backend, path, folders[facts["dataset"]], publication, name, facts["frames"]))
    frames = sum(task.count for task in tasks)
    require_space(publication.out, int(frames * context.params.label_depth.map_size**2 * BYTES_PER_PIXEL), "labelling depth")
    waiting = [task for task in tasks if not publication.done(task.name)]
    if waiting:
        with attached(context.params.cluster):
            on_gpu = context.params.label_depth.backend == "transformers" and gpus() > 0
            map_tasks(label_file, waiting, label="Labelling depth", unit="frames", weight=lambda task: task.count, num_gpus=int(on_gpu))
    report(context, publication, [task.name for task in tasks])
    context.run.output(publication.publish(backend=context.params.label_depth.backend, frames=frames, sequences=len(tasks)))


def data_folders(context: Context) -> dict[str, Folder]:
    """Data set -> where it was read from."""
    from pipeline.sources.place import folder_of

    data_root = context.params.base.data_root
    sources = context.params.extract_frames.sources
    return {source.name: Folder(folder_of(source, data_root, context.root), source.images_per_file) for source in sources}


def report(context: Context, publication: Publication, names: list[str]) -> None:
    """Log each sequence's facts and its error against true depth, and their means; say which sequences have no depth."""
    from pipeline.depths import depth_facts

    errors: dict[str, list[float]] = {}
    for name in names:
        facts = depth_facts(publication.path(name))
        sequence = f"{facts['dataset']}/{facts['sequence']}"
        if facts.get("planes") == 0:
            print(f"{sequence}: nobody is annotated, so its depth is unknown (all maps are 0)")
        numbers: dict[str, float] = {key: float(facts[key]) for key in ("people", "horizon", "slope", "pictures") if key in facts}
        numbers |= {f"error_{key}": value for key, value in facts["errors"].items()}
        if numbers:
            context.run.metrics({f"{key}/{metric_name(sequence)}": value for key, value in numbers.items()})
        for key, value in facts["errors"].items():
            errors.setdefault(f"error_{key}", []).append(value)
    means = {key: float(np.mean(values)) for key, values in errors.items()}
    if means:
        context.run.metrics(means)
        print("depth against truth: " + ", ".join(f"{key.removeprefix('error_')} {value:.3f}" for key, value in means.items()))


def metric_name(sequence: str) -> str:
    """The sequence's name in the letters that MLflow allows."""
    return re.sub(r"[^\w\-. :/]", "_", sequence)


if __name__ == "__main__":
    run("label_depth", label_depth)
