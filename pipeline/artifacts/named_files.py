"""Files outside the published folders that a stage reads because a parameter names them: data sets, weights, another detector's boxes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.artifacts import digests
from pipeline.artifacts.store import MANIFEST
from pipeline.params.file import digest
from pipeline.params.roots import address, folder_of
from pipeline.params.sections import Params
from pipeline.params.sections.data import Source


def named_digest(stage: str, params: Params, root: Path) -> str | None:
    """Digest of the names and contents of the files that the parameters of a stage name.

    Args:
        stage: its name.
        params: the whole parameter file.
        root: the repository.

    Returns:
        SHA-256 (hex), or None where nobody can vouch for the contents: they lie at a URL, in a model registry or on a hub.
    """
    places = list(_places(stage, params, root))
    if any(place is None for place in places):
        return None
    files = [found for place in places if place is not None for found in _files(*place)]
    known = digests.digests([path for _, path in files], root)
    return digest([[name, known[path]] for name, path in files])


def vouched(stage: str, params: Params, root: Path) -> bool:
    """Whether this machine can read by itself all that the parameters of a stage name; see `named_digest`, which reads it."""
    return None not in _places(stage, params, root)


def _places(stage: str, params: Params, root: Path) -> Iterator[tuple[str, Path] | None]:
    """What is named: a word that stands for it, and where it lies; None for what this machine cannot read by itself."""
    if stage in ("extract_frames", "label_depth"):
        for source in params.extract_frames.sources:
            yield from _source(source, params.base.data_root, root)
    if stage == "label_depth" and params.label_depth.backend in ("transformers", "video_depth_anything"):
        path = Path(params.label_depth.model).expanduser()
        yield (path.name, path) if path.exists() else None
    if stage in ("pretrain", "finetune") and (weights := getattr(params, stage).weights) is not None:
        yield "weights", root / weights
    if stage == "track":
        if params.track.model is not None:
            yield ("model", Path(params.track.model)) if Path(params.track.model).is_dir() else None
        if params.track.detections == "file" and params.track.detections_files is not None:
            yield from _matching(params.track.detections_files, params.base.data_root, root)


def _source(source: Source, data_root: str, root: Path) -> Iterator[tuple[str, Path] | None]:
    """A data set's place; one inside a published folder is vouched for by that folder's manifest."""
    place = folder_of(source, data_root, root)
    if "://" in address(source, data_root):
        yield None
    elif not any((parent / MANIFEST).is_file() for parent in place.parents):
        yield source.name, place


def _matching(pattern: str, data_root: str, root: Path) -> Iterator[tuple[str, Path]]:
    """Files that a pattern with {dataset} and {sequence} may mean, by their names."""
    filled = pattern.replace("{data_root}", data_root)
    whole = os.path.abspath(root / Path(re.sub(r"{(dataset|sequence)}", "*", filled)).expanduser())
    for path in sorted(Path("/").glob(whole.lstrip("/"))):
        yield path.as_posix().removeprefix(os.path.commonpath([whole, path])), path


def _files(name: str, place: Path) -> Sequence[tuple[str, Path]]:
    """Every file at a place, with its name below it; links to folders that were seen already are not followed."""
    if not place.is_dir():
        return [(name, place)]
    found, seen = [], set[tuple[int, int]]()
    for folder, folders, files in os.walk(place, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders.sort()
        found += [(f"{name}/{os.path.relpath(os.path.join(folder, file), place)}", Path(folder, file)) for file in sorted(files)]
    return found
