"""Sections of the stages that make samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.params.addresses import Address
from pipeline.params.classes import PEDESTRIANS, TRACKABLE
from pipeline.params.sections.common import Section


class RenderWalkers(Section):
    """The embedded data set; 0 sequences and 0 stills render nothing."""

    sequences: int = Field(ge=0)
    frames: int = Field(ge=2)
    frame_rate: float = Field(gt=0)
    width: int = Field(ge=64, multiple_of=2)  # video has half as many colours as pixels
    height: int = Field(ge=64, multiple_of=2)
    people: int = Field(ge=1)
    occluders: int = Field(ge=0)
    moving_camera: float = Field(ge=0, le=1)
    stills_train: int = Field(ge=0)
    stills_val: int = Field(ge=0)
    jpeg_quality: int = Field(ge=1, le=100)
    # left out of dumps at their defaults, so that a file without them has the digests of before
    cyclists: int = Field(default=0, ge=0, exclude_if=lambda count: count == 0)
    masks: bool = Field(default=False, exclude_if=lambda asked: not asked)
    joints: bool = Field(default=False, exclude_if=lambda asked: not asked)

    @property
    def stills_kind(self) -> SourceKind:
        """How stills are written: CrowdHuman's format knows boxes of people alone."""
        return "coco" if self.cyclists > 0 or self.masks or self.joints else "crowdhuman"


STILLS = "data/walkers/stills"  # where they are written
SourceKind = Literal["mot_challenge", "crowdhuman", "bdd100k", "coco", "otb", "davis", "posetrack", "jhmdb", "youtube_vis", "folder"]


class Source(Section):
    """One data set to read: root is a folder, a .zip file or an fsspec URL.

    `{data_root}` in it stands for `base.data_root`; relative roots start at the repository. `classes: own` keeps the categories of a set
    apart as the table of classes has them (cyclist, rider, bus, ...), all of them scored; `motchallenge` brings them to MOTChallenge's, of
    which pedestrians are scored.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")  # of a folder: neither `..` nor a hidden one
    kind: SourceKind
    root: Address
    sequences: list[str] | None
    images_per_file: int = Field(ge=1)
    classes: Literal["motchallenge", "own"] = Field(default="motchallenge", exclude_if=lambda classes: classes == "motchallenge")


class ExtractFrames(Section):
    """Videos and image folders to frame files."""

    sources: list[Source] = Field(min_length=1)
    jpeg_quality: int = Field(ge=1, le=100)
    row_group_mb: float = Field(gt=0)
    defects: Literal["fail", "skip_and_report"]

    @model_validator(mode="after")
    def _unique_names(self) -> ExtractFrames:
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError(f"source names must differ, got {names}")
        return self


class LabelDepth(Section):
    """Offline depth labels."""

    backend: Literal["ground_plane", "files", "transformers", "video_depth_anything"]
    map_size: int = Field(ge=16)
    model: str
    encoder: Literal["vits", "vitb", "vitl"]
    input_size: int = Field(ge=14)
    min_loaded: float = Field(ge=0, le=1)
    batch_size: int = Field(ge=1)
    window: int = Field(ge=2)
    overlap: int = Field(ge=1)
    decode_ahead: int = Field(ge=1)
    gpus: float = Field(ge=0, le=1)
    inverse: bool
    files_pattern: str

    @model_validator(mode="after")
    def _new_frames(self) -> LabelDepth:
        if self.overlap >= self.window:
            raise ValueError(f"overlap must be below window ({self.window}), got {self.overlap}")
        return self


class Split(Section):
    """Which frames train and which are held out."""

    rule: Literal["half", "sequences"]
    boundary: Literal["fairmot", "centertrack"]
    train: list[str]
    val: list[str]


class PackSamples(Section):
    """Frames, objects and depth at training size."""

    width: int = Field(ge=64)
    height: int = Field(ge=64)
    depth_stride: int = Field(ge=1)
    jpeg_quality: int = Field(ge=1, le=100)
    shard_mb: float = Field(gt=0)
    row_group_kb: float = Field(gt=0)
    stills: list[str]
    videos: list[str]
    split: Split
    # these are left out of dumps at their defaults, so that a file without them has the digests of before
    masks: bool = Field(default=False, exclude_if=lambda asked: not asked)
    keypoints: bool = Field(default=False, exclude_if=lambda asked: not asked)
    classes: list[str] = Field(default=list(PEDESTRIANS), min_length=1, exclude_if=lambda names: names == list(PEDESTRIANS))

    @field_validator("classes")
    @classmethod
    def _known_classes(cls, names: list[str]) -> list[str]:
        unknown = [name for name in names if name not in TRACKABLE]
        if unknown or len(set(names)) < len(names):
            raise ValueError(f"classes must be different ones of {', '.join(TRACKABLE)}; got {', '.join(names)}")
        return names

    @model_validator(mode="after")
    def _whole_strides(self) -> PackSamples:
        if self.width % 32 or self.height % 32:
            raise ValueError(f"width and height must be multiples of 32, got {self.width}x{self.height}")
        return self
