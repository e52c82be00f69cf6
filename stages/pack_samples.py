"""Join frames, objects and depth at training size: what training reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.artifacts.publication import read_manifest, require_space
from pipeline.artifacts.store import Place, follow
from pipeline.errors import UserError
from pipeline.params.file import digest
from pipeline.params.sections.data import PackSamples
from stages import Context, run

if TYPE_CHECKING:
    from pipeline.files.splits import Splits
    from pipeline.packing.samples import Shape
    from pipeline.packing.shards import Source


def pack_samples(context: Context) -> None:
    """Write data/samples: shards of stills and of the videos' training frames, and split.json."""
    from pipeline.artifacts import reuse
    from pipeline.files.splits import SPLIT, write_split
    from pipeline.packing.shards import BYTES_PER_PIXEL, plan_shards, write_shard
    from pipeline.runtime.cluster import attached, map_tasks

    section = context.params.pack_samples
    for name in ("frames", "depth"):
        context.run.input(read_manifest(context.data / name), name)
    publication, shape = context.publication(context.data / "samples"), sizes(section)
    videos, splits = choose_videos(section, context.data)
    shards = plan_shards("stills", choose_stills(section, context.data), shape, publication, context.code)
    shards += plan_shards("video", videos, shape, publication, context.code)
    known = reuse.by_key(reuse.parts(publication))
    todo = [shard for shard in shards if not shard.settled(known)]
    rows = sum(shard.rows for shard in todo)
    require_space(publication.partial, int(rows * section.width * section.height * BYTES_PER_PIXEL), "packing samples")
    if todo:
        with attached(context.params.cluster):
            map_tasks(write_shard, todo, label="Packing samples", unit="samples", weight=lambda shard: shard.rows)
    with publication.write(SPLIT) as path:
        write_split(path, splits)
    context.run.metrics({f"samples_{kind}": sum(shard.rows for shard in shards if shard.kind == kind) for kind in ("stills", "video")})
    context.run.metrics({"shards": len(shards)})
    context.run.output(publication.publish())


def sizes(section: PackSamples) -> Shape:
    """The section's sizes, in bytes."""
    from pipeline.packing.samples import Shape

    group, shard = int(section.row_group_kb * 1e3), int(section.shard_mb * 1e6)
    sizes = section.width, section.height, section.depth_stride, section.jpeg_quality, group, shard
    return Shape(*sizes, tuple(section.classes), section.masks, section.keypoints)


def choose_stills(section: PackSamples, data: Path) -> list[Source]:
    """Every still of the named data sets trains."""
    from pipeline.files.frames import frame_facts
    from pipeline.packing.shards import Source

    return [
        Source(frames, depths, frame_facts(frames)["frames"], made_from)
        for dataset in sorted(section.stills)
        for frames, depths, made_from in files_of(data, dataset, kind="stills")
    ]


def choose_videos(section: PackSamples, data: Path) -> tuple[list[Source], Splits]:
    """The training frames of the named data sets, and which frames train and are held out."""
    from pipeline.files.frames import read_frames
    from pipeline.files.splits import check_rule, split_sequence
    from pipeline.packing.shards import Source

    found = {dataset: files_of(data, dataset, kind="video") for dataset in sorted(section.videos)}
    check_rule(section.split, [frames.stem for files in found.values() for frames, *_ in files])
    sources, splits = [], {dataset: {} for dataset in found}  # type: tuple[list[Source], Splits]
    for dataset, files in found.items():
        for frames, depths, made_from in files:
            numbers = [row.frame for row in read_frames(frames, ["frame"])]
            ranges = splits[dataset][frames.stem] = split_sequence(frames.stem, numbers, section.split)
            if ranges.train is not None:
                sources.append(Source(frames, depths, numbers.index(ranges.train[1]) + 1, made_from))
    return sources, splits


def files_of(data: Path, dataset: str, *, kind: str) -> list[tuple[Place, Place, str]]:
    """Frame files and depth files of a data set, by sequence, with a digest of both contents.

    Raises:
        UserError: there is no such data set, or it is of the other kind.
    """
    from pipeline.files.frames import frame_facts, frame_files

    folder, depths = follow(data / "frames"), follow(data / "depth")
    key = "pack_samples." + ("stills" if kind == "stills" else "videos")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if dataset not in names:
        raise UserError(
            f"{key}: no data set {dataset}; extracted are {', '.join(names)}\nnext: name one of these, or add it to extract_frames.sources"
        )
    files = frame_files(folder / dataset)
    other = next((path for path in files if frame_facts(path)["kind"] != kind), None)
    if other is not None:
        found = frame_facts(other)["kind"]
        raise UserError(f"{key}: {dataset} holds {found}, not {kind} ({other})\nnext: move it to the other list of pack_samples")
    manifests = [read_manifest(data / name).files for name in ("frames", "depth")]
    digests = [[known.get(f"{dataset}/{path.name}", {}).get("sha256") for known in manifests] for path in files]
    return [(path, depths / dataset / path.name, digest(both)) for path, both in zip(files, digests, strict=True)]


if __name__ == "__main__":
    run("pack_samples", pack_samples)
