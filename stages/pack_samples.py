"""Join frames, objects and depth at training size: what training reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.artifacts.publication import read_manifest, require_space
from pipeline.artifacts.store import Place, follow, parquet
from pipeline.errors import UserError
from pipeline.params.file import digest
from pipeline.params.sections.data import PackSamples
from stages import Context, run

if TYPE_CHECKING:
    from pipeline.files.splits import Splits
    from pipeline.packing.shards import Slice
    from pipeline.packing.units import Unit

REACH = 10  # frames between the partners of a pair


def pack_samples(context: Context) -> None:
    """Write data/samples: shards of stills and of the videos' training frames, and split.json."""
    from pipeline.artifacts import reuse
    from pipeline.files.splits import SPLIT, write_split
    from pipeline.packing.units import BYTES_PER_PIXEL, pack_unit, pending, plan_units
    from pipeline.runtime.cluster import attached, map_tasks

    section = context.params.pack_samples
    for name in ("frames", "depth"):
        context.run.input(read_manifest(context.data / name), name)
    publication = context.publication(context.data / "samples")
    shape = sizes(section)
    videos, splits = choose_videos(section, context.data)
    units = plan_units("stills", choose_stills(section, context.data), shape, publication, context.code)
    units += plan_units("video", videos, shape, publication, context.code)
    todo = pending(units, reuse.parts(publication))
    rows = sum(unit.rows for unit in todo)
    require_space(publication.partial, int(rows * section.width * section.height * BYTES_PER_PIXEL), "packing samples")
    if todo:
        with attached(context.params.cluster):
            map_tasks(pack_unit, todo, label="Packing samples", unit="samples", weight=lambda unit: unit.rows)
    names = [pack_unit(unit) for unit in units]  # all are there now
    with publication.write(SPLIT) as path:
        write_split(path, splits)
    shards = {name: shard_facts(publication.path(name)) for found in names for name in found}
    context.run.metrics({f"samples_{kind}": sum(unit.rows for unit in units if unit.kind == kind) for kind in ("stills", "video")})
    context.run.metrics({"shards": len(shards)})
    warn_of_small_row_groups(publication.partial / "video", units)
    context.run.output(publication.publish(shards=shards))


def sizes(section: PackSamples) -> Any:
    """The section's sizes, in bytes."""
    from pipeline.packing.units import Shape

    group, shard = int(section.row_group_kb * 1e3), int(section.shard_mb * 1e6)
    return Shape(section.width, section.height, section.depth_stride, section.jpeg_quality, group, shard)


def choose_stills(section: PackSamples, data: Path) -> list[Slice]:
    """Every still of the named data sets trains."""
    from pipeline.files.frames import frame_facts
    from pipeline.packing.shards import Slice

    return [
        Slice(frames, depths, 0, frame_facts(frames)["frames"], made_from)
        for dataset in sorted(section.stills)
        for frames, depths, made_from in files_of(data, dataset, kind="stills")
    ]


def choose_videos(section: PackSamples, data: Path) -> tuple[list[Slice], Splits]:
    """The training frames of the named data sets, and which frames train and are held out."""
    from pipeline.files.frames import read_frames
    from pipeline.files.splits import check_rule, split_sequence
    from pipeline.packing.shards import Slice

    found = {dataset: files_of(data, dataset, kind="video") for dataset in sorted(section.videos)}
    check_rule(section.split, [frames.stem for files in found.values() for frames, *_ in files])
    slices, splits = [], {dataset: {} for dataset in found}  # type: tuple[list[Slice], Splits]
    for dataset, files in found.items():
        for frames, depths, made_from in files:
            numbers = [row.frame for row in read_frames(frames, ["frame"])]
            ranges = splits[dataset][frames.stem] = split_sequence(frames.stem, numbers, section.split)
            if ranges.train is not None:
                slices.append(Slice(frames, depths, 0, numbers.index(ranges.train[1]) + 1, made_from))
    return slices, splits


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


def shard_facts(path: Place) -> dict[str, Any]:
    """What the manifest says of a shard: rows, and first and last frame of each sequence in it."""
    table = parquet(path).read(columns=["dataset", "sequence", "frame"]).to_pydict()
    sequences: dict[str, list[int]] = {}
    for dataset, sequence, frame in zip(table["dataset"], table["sequence"], table["frame"], strict=True):
        sequences.setdefault(f"{dataset}/{sequence}", [frame, frame])[1] = frame
    return {"rows": len(table["frame"]), "sequences": sequences}


def warn_of_small_row_groups(folder: Place, units: list[Unit]) -> None:
    """Say so when a pair's partner can be further than in the next row group: training would read more than it keeps."""
    from pipeline.files.sample_store import SampleStore, partner_reach

    if any(unit.kind == "video" for unit in units):
        store = SampleStore(folder)
        reach = partner_reach(store.index, store.row_groups, REACH)
        if reach > 1:
            print(
                f"pack_samples.row_group_kb: {REACH} frames span {reach + 1} row groups, so that pairs read more than two; "
                f"training is slower\nnext: make row_group_kb {(reach + 1) // 2 + 1} times as large",
                file=sys.stderr,
            )


if __name__ == "__main__":
    run("pack_samples", pack_samples)
