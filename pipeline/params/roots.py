"""Where the data sets of extract_frames.sources lie."""

from __future__ import annotations

from pathlib import Path

from pipeline.params.sections.data import Source


def address(source: Source, data_root: str) -> str:
    """The root of an entry of extract_frames.sources, `{data_root}` filled in."""
    return source.root.replace("{data_root}", data_root)


def folder_of(source: Source, data_root: str, root: Path) -> Path:
    """The data set's folder, absolute; for a root that is a URL, a path at which there is nothing."""
    return Path(root, Path(address(source, data_root)).expanduser()).resolve()


def home(root: Path) -> Path:
    """The repository that a working copy belongs to: DVC runs `dvc exp run --temp` and queued experiments in a copy below .dvc/tmp/exps of
    the repository and deletes it afterwards, so what must outlast the run lies in the repository."""
    for folder in root.parents:
        if folder.name == "exps" and folder.parent.name == "tmp" and folder.parent.parent.name == ".dvc":
            return folder.parents[2]
    return root
