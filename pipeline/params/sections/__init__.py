"""params.yaml as types: one section per stage, in stage order; `pipeline.params.file` reads the file.

The `model` section, and `model` of the two training sections, stay mappings here and are checked by the system's own pydantic classes
(`System.options`, `Training.options`), so that nothing here knows a model by name.
"""

from __future__ import annotations

from pydantic import model_validator

from pipeline.params.sections.common import Base, Cluster, Mlflow, Model, Section
from pipeline.params.sections.data import STILLS, ExtractFrames, LabelDepth, PackSamples, RenderWalkers
from pipeline.params.sections.results import Evaluate, Report, Sweep, Track
from pipeline.params.sections.training import Training

TRAININGS = ("pretrain", "finetune")  # sections of one kind, `Training`
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

    @model_validator(mode="after")
    def _reads_stills_as_they_are_written(self) -> Params:
        written = self.render_walkers.stills_kind
        for source in self.extract_frames.sources:
            if (
                source.root.rstrip("/") == STILLS
                and source.kind != written
                and self.render_walkers.stills_train + self.render_walkers.stills_val
            ):
                raise ValueError(
                    f"extract_frames.sources: {source.name} is read as {source.kind}, and render_walkers writes it as {written} "
                    "(coco with cyclists, masks or joints, else crowdhuman)"
                )
        return self

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the repetitions that `sweep.seeds` asks for."""
        wished = self.sweep.seeds
        return tuple(wished) if isinstance(wished, list) else tuple(self.base.seed + step for step in range(wished))
