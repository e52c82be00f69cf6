"""Depth labels: one small interface, four ways to get them (`ground_plane`, `files`, `transformers`, `video_depth_anything`).

A backend labels one frame file at a time. Its maps grow with distance and are comparable within a sequence; 0 is unknown.
"""

from __future__ import annotations

from importlib import import_module

from pipeline.labelling.backend import DepthBackend
from pipeline.labelling.folders import Folder
from pipeline.params.sections.data import LabelDepth

ON_GPU = ("transformers", "video_depth_anything")


def build(params: LabelDepth, folders: dict[str, Folder]) -> DepthBackend:
    """Make the backend that the parameters name.

    Args:
        params: the stage's section.
        folders: data set -> where it was read from.

    Raises:
        UserError: the backend cannot work with these parameters.
    """
    backend: DepthBackend = import_module(f"{__name__}.{params.backend}").build(params, folders)
    return backend
