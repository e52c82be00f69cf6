"""What every section is, and the sections that all stages share."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.params.addresses import Address

Precision = Literal["float32", "bfloat16", "auto"]


class Section(BaseModel):
    """A frozen group of parameters that refuses unknown keys and silent conversions (an int is accepted as a float)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoOptions(Section):
    """The section of a system that has no options here: every key is refused."""


class Base(Section):
    """Values that every stage shares."""

    seed: int = Field(ge=0)
    data_root: str
    store: Address = Field(min_length=1)


class Cluster(Section):
    """Where Ray runs."""

    address: str
    num_cpus: int | None = Field(ge=1)
    object_store_mb: int = Field(ge=80)


class Mlflow(Section):
    """Where runs and models are recorded."""

    tracking_uri: Address
    experiment: str
    system_metrics: bool


class Model(Section):
    """The system to train; the three mappings are checked by the model's own options class."""

    name: str
    network: dict[str, Any]
    loss: dict[str, Any]
    tracker: dict[str, Any]
