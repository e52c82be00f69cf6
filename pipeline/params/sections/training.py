"""Sections of the two training stages.

What a system alone reads of a training, such as weights of its losses, stands in `model` and is checked by the system's own class.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.params.sections.common import Precision, Section


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
GROUP_FRAMES, MOMENTUM = 4, 0.9  # defaults, which stay out of digests as the defaults of `mix` and `input_size` do
CHECKPOINT_MINUTES = 10.0
Side = Annotated[int, Field(ge=64, multiple_of=32)]  # networks halve a side five times


class Elastic(Section):
    """As many workers as there is room for, between two numbers; the global batch stays."""

    min: int = Field(ge=1)
    max: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Elastic:
        if self.min > self.max:
            raise ValueError(f"min must not be above max, got {self.min} and {self.max}")
        return self


def _how_stated(workers: object) -> str:
    return "range" if isinstance(workers, (dict, Elastic)) else "number"


Workers = Annotated[Annotated[int, Field(ge=1), Tag("number")] | Annotated[Elastic, Tag("range")], Discriminator(_how_stated)]


class Training(Section):
    """One training run (`pretrain` and `finetune` have the same keys)."""

    epochs: int = Field(ge=0)
    batch_size: int = Field(ge=1)
    optimiser: Literal["adam", "adamw", "muon", "sgd"]
    lr: float = Field(gt=0)
    momentum: float = Field(default=MOMENTUM, ge=0, lt=1, exclude_if=lambda value: value == MOMENTUM)  # of sgd
    weight_decay: float = Field(ge=0)
    lr_drop_epochs: list[int]
    lr_drop_factor: float = Field(gt=0, le=1)
    warmup_steps: int = Field(ge=0)
    clip_norm: float | None = Field(gt=0)
    model: dict[str, Any]
    epoch_samples: int | None = Field(ge=1)
    mix: dict[str, Weight] = Field(default_factory=dict, exclude_if=lambda mix: not mix)  # so that none has the digests of before
    sampling: Literal["rows", "groups"] = Field(default="rows", exclude_if=lambda value: value == "rows")
    group_frames: int = Field(default=GROUP_FRAMES, ge=2, exclude_if=lambda value: value == GROUP_FRAMES)
    average: float = Field(default=0.0, ge=0, lt=1, exclude_if=lambda value: value == 0)  # decay of the moving average of the weights
    freeze: list[str] = Field(default_factory=list, exclude_if=lambda names: not names)
    deterministic: bool = Field(default=True, exclude_if=lambda value: value)
    input_size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = Field(default=None, exclude_if=lambda size: size is None)
    workers: Workers
    threads: int = Field(ge=1)
    use_gpu: bool | Literal["auto"]
    precision: Precision
    loader_processes: int = Field(ge=0)
    weights: str | None
    min_loaded: float = Field(ge=0, le=1)
    max_failures: int = Field(ge=0)
    checkpoint_minutes: float = Field(default=CHECKPOINT_MINUTES, gt=0, exclude=True)  # decides no byte, so it is in no digest
    augment: Augment

    @property
    def group(self) -> int:
        """Frames of a group, 1 where rows are shuffled one by one; for `Samples.group` of a system that knows groups."""
        return self.group_frames if self.sampling == "groups" else 1

    @property
    def least_workers(self) -> int:
        """Workers without which no step is trained."""
        return self.workers.min if isinstance(self.workers, Elastic) else self.workers

    @property
    def most_workers(self) -> int:
        """Workers where there is room for all."""
        return self.workers.max if isinstance(self.workers, Elastic) else self.workers
