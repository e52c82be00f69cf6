"""params.yaml as types: one section a stage, in stage order. A wrong key or value stops every stage before it works.

`load` reads the whole file; `digest` names a set of sections (for fingerprints). The `model` section stays a mapping here and is
checked by the model's own pydantic class (`ModelSpec.options`), so that this file knows no model by name.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.errors import UserError

T = TypeVar("T", bound=BaseModel)


class Section(BaseModel):
    """A frozen group of parameters that refuses unknown keys and silent conversions (an int is accepted as a float)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Base(Section):
    """Values that every stage shares."""

    seed: int = Field(ge=0)
    data_root: str
    store: str = Field(min_length=1)


class Cluster(Section):
    """Where Ray runs."""

    address: str
    num_cpus: int | None = Field(ge=1)
    object_store_mb: int = Field(ge=80)


class Mlflow(Section):
    """Where runs and models are recorded."""

    tracking_uri: str
    experiment: str
    system_metrics: bool


class Model(Section):
    """The system to train; the three mappings are checked by the model's own options class."""

    name: str
    network: dict[str, Any]
    loss: dict[str, Any]
    tracker: dict[str, Any]


class RenderWalkers(Section):
    """The embedded data set; 0 sequences and 0 stills render nothing."""

    sequences: int = Field(ge=0)
    frames: int = Field(ge=2)
    frame_rate: float = Field(gt=0)
    width: int = Field(ge=64)
    height: int = Field(ge=64)
    people: int = Field(ge=1)
    occluders: int = Field(ge=0)
    moving_camera: float = Field(ge=0, le=1)
    stills_train: int = Field(ge=0)
    stills_val: int = Field(ge=0)
    jpeg_quality: int = Field(ge=1, le=100)


SourceKind = Literal["mot_challenge", "crowdhuman", "bdd100k", "coco", "folder"]


class Source(Section):
    """One data set to read: root is a folder, a .zip file or an fsspec URL.

    `{data_root}` in it stands for `base.data_root`; relative roots start at the repository.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    kind: SourceKind
    root: str
    sequences: list[str] | None
    images_per_file: int = Field(ge=1)


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

    @model_validator(mode="after")
    def _whole_strides(self) -> PackSamples:
        if self.width % 32 or self.height % 32:
            raise ValueError(f"width and height must be multiples of 32, got {self.width}x{self.height}")
        return self


class Augment(Section):
    """Ranges of the training augmentation (FairMOT's, and OUTrack's for the partner frame)."""

    rotate: float = Field(ge=0)
    translate: float = Field(ge=0, lt=1)
    scale_min: float = Field(gt=0)
    scale_max: float = Field(gt=0)
    shear: float = Field(ge=0)
    flip: float = Field(ge=0, le=1)
    saturation: float = Field(ge=0, lt=1)
    value: float = Field(ge=0, lt=1)
    partner_min: float = Field(ge=0)
    partner_max: float = Field(ge=0)


Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Training(Section):
    """One training run (`pretrain` and `finetune` have the same keys)."""

    epochs: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    optimiser: Literal["adam", "adamw"]
    lr: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    lr_drop_epochs: list[int]
    lr_drop_factor: float = Field(gt=0, le=1)
    warmup_steps: int = Field(ge=0)
    clip_norm: float | None = Field(gt=0)
    id_weight: float = Field(ge=0)
    max_gap: int = Field(ge=1)
    negative_ratio: float = Field(ge=0)
    epoch_samples: int | None = Field(ge=1)
    mix: dict[str, Weight] = Field(default_factory=dict, exclude_if=lambda mix: not mix)  # so that none has the digests of before
    workers: int = Field(ge=1)
    threads: int = Field(ge=1)
    use_gpu: bool | Literal["auto"]
    precision: Literal["float32", "bfloat16", "auto"]
    loader_processes: int = Field(ge=0)
    weights: str | None
    min_loaded: float = Field(ge=0, le=1)
    max_failures: int = Field(ge=0)
    augment: Augment


class Track(Section):
    """Tracking of the held-out frames. `{data_root}`, `{dataset}` and `{sequence}` in detections_files stand for what they name."""

    frames: Literal["val", "train", "all"]
    detections: Literal["private", "public", "file", "ground_truth"]
    detections_files: str | None
    batch_size: int = Field(ge=1)
    threads: int = Field(ge=1)
    model: str | None

    @model_validator(mode="after")
    def _names_files(self) -> Track:
        if self.detections == "file" and self.detections_files is None:
            raise ValueError("detections: file needs detections_files, such as '{data_root}/yolox/{sequence}.txt'")
        unknown = set(re.findall(r"{[^}]*}", self.detections_files or "")) - {"{data_root}", "{dataset}", "{sequence}"}
        if unknown:
            raise ValueError(f"detections_files: unknown {', '.join(sorted(unknown))}; allowed: {{data_root}}, {{dataset}}, {{sequence}}")
        return self


class Evaluate(Section):
    """Scoring."""

    benchmark: Literal["MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none"]
    reid_min_visibility: float = Field(ge=0, le=1)
    champion_metric: Literal["HOTA", "MOTA", "IDF1"]


class Report(Section):
    """The page."""

    clips: int = Field(ge=0)
    clip_seconds: float = Field(gt=0)
    clip_width: int = Field(ge=64)


Metric = Literal["HOTA", "MOTA", "IDF1", "R1", "mAP", "AP50"]


class Sweep(Section):
    """How sweeps run; what they try stands in sweeps/sweeps.yaml."""

    metric: Metric
    seeds: int | list[int]
    budget: float = Field(gt=0)
    concurrency: int | None = Field(ge=1)
    workers: int = Field(ge=1)
    scheduler: Literal["none", "asha"]
    grace: float = Field(gt=0, lt=1)
    reduction: int = Field(ge=2)
    trials: int | None = Field(ge=1)

    @field_validator("seeds")
    @classmethod
    def _some_seeds(cls, value: int | list[int]) -> int | list[int]:
        count, least = (value, 0) if isinstance(value, int) else (len(value), min(value, default=0))
        if count < 1 or least < 0 or (isinstance(value, list) and len(set(value)) < count):
            raise ValueError("must be how many, at least 1, or a list of different numbers from 0")
        return value


class Params(Section):
    """The whole file."""

    base: Base
    cluster: Cluster
    mlflow: Mlflow
    model: Model
    render_walkers: RenderWalkers
    extract_frames: ExtractFrames
    label_depth: LabelDepth
    pack_samples: PackSamples
    pretrain: Training
    finetune: Training
    track: Track
    evaluate: Evaluate
    report: Report
    sweep: Sweep

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the repetitions that `sweep.seeds` asks for."""
        wished = self.sweep.seeds
        return tuple(wished) if isinstance(wished, list) else tuple(self.base.seed + step for step in range(wished))


STAGES = (
    "render_walkers",
    "extract_frames",
    "label_depth",
    "pack_samples",
    "pretrain",
    "finetune",
    "track",
    "evaluate",
    "report",
)


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check a parameter file.

    Raises:
        UserError: the file is missing, is not YAML, or a key is unknown, missing or ill-typed; names every such key.
    """
    return validate(Params, read(path), where=str(path))


def read(path: Path | str) -> dict[str, Any]:
    """A parameter file as a mapping of sections, unchecked.

    Raises:
        UserError: the file is missing or no mapping in YAML.
    """
    raw = read_yaml(Path(path), missing="no such parameter file\nnext: run from the repository's root, or copy one of presets/")
    if not isinstance(raw, dict):
        raise UserError(f"{path}: expected sections {', '.join(Params.model_fields)}; the file holds {type(raw).__name__}")
    return raw


def read_yaml(path: Path, *, missing: str) -> Any:
    """What a YAML file holds.

    Raises:
        UserError: the file is not there (in the words of `missing`) or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: {missing}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None


def validate(kind: type[T], raw: dict[str, Any], *, where: str, prefix: str = "") -> T:
    """Check a mapping against a pydantic class and turn every complaint into one readable message.

    Raises:
        UserError: names each offending key with its dotted path and what is allowed there.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        lines = [_complaint(kind, item, prefix) for item in error.errors()]
        raise UserError(f"{where}: {len(lines)} parameter(s) cannot be used\n" + "\n".join(lines)) from None


def _complaint(kind: type[BaseModel], item: Any, prefix: str) -> str:
    key = ".".join([prefix, *map(str, item["loc"])]).strip(".")
    if item["type"] == "extra_forbidden":
        return f"  {key}: unknown key; allowed here: {', '.join(_siblings(kind, item['loc']))}"
    if item["type"] == "missing":
        return f"  {key}: missing; add it (presets/walkers.yaml shows every key with its meaning)"
    return f"  {key}: {item['msg'].removeprefix('Value error, ')} (got {item['input']!r})"


def _siblings(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names allowed beside the key at `location`."""
    current: Any = kind
    for part in location[:-1]:
        if isinstance(part, str):
            current = current.__args__[1] if get_origin(current) is dict else current.model_fields[part].annotation
            while get_origin(current) not in (None, dict):  # list[T] or T | None
                current = current.__args__[0]
    return list(current.model_fields)


def digest(*values: Any) -> str:
    """SHA-256 (hex) of parameters or plain data, independent of key order."""
    plain = [value.model_dump() if isinstance(value, BaseModel) else value for value in values]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
