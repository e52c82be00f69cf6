"""Where the data sets of extract_frames.sources lie."""

from __future__ import annotations

from pathlib import Path

from pipeline.params.sections.data import Source


def address(source: Source, data_root: str) -> str:
    """The root of an entry of extract_frames.sources, `{data_root}` filled in."""
    return source.root.replace("{data_root}", data_root)


def folder_of(source: Source, data_root: str, root: Path) -> Path:
    """The data set's folder, absolute; of a root that is a URL, a path where nothing lies."""
    return Path(root, Path(address(source, data_root)).expanduser()).resolve()
