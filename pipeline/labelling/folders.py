"""Where a data set's own files lie, for depth that comes beside its frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.artifacts.store import Place
from pipeline.errors import UserError


@dataclass(frozen=True)
class Folder:
    """The folder of one data set.

    Attributes:
        path: absolute.
        images_per_file: stills per frame file, as the source's entry says.
    """

    path: Place
    images_per_file: int

    def images(self, facts: dict[str, Any], frames: Sequence[int]) -> list[str | None]:
        """Names (without ending) of the images behind the rows of a frame file; None for the frames of a video.

        Where the frame file does not name a still's image, its frame number is its line within its chunk of the annotation, which does.

        Args:
            facts: of the frame file.
            frames: its frame numbers.

        Raises:
            UserError: the annotation changed since the frames were extracted.
        """
        if facts["kind"] == "video":
            return [None] * len(frames)
        if "images" in facts:
            return [str(facts["images"][str(frame)]) for frame in frames]
        annotation = self.path / str(facts["source"])
        first = int(str(facts["sequence"]).rpartition("-")[2]) * self.images_per_file
        try:
            lines = annotation.read_bytes().splitlines()
            return [str(json.loads(lines[first + frame - 1])["ID"]) for frame in frames]
        except (OSError, IndexError, KeyError, ValueError):
            raise UserError(
                f"{annotation}: does not name the images of {facts['sequence']} any more\nnext: run `dvc repro extract_frames`"
            ) from None
