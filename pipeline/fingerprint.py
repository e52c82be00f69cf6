"""What a stage's output depends on, as one digest: the same fingerprint means the same output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from pipeline import closure
from pipeline.params import digest
from pipeline.publish import content_digest
from pipeline.sections import Params

ROOT = Path(__file__).resolve().parents[1]

# Parameter sections and published folders that a stage reads (dvc.yaml names the same ones; a test compares).
SECTIONS = {
    "render_walkers": ("base.seed", "render_walkers"),
    "extract_frames": ("base.data_root", "extract_frames"),
    "label_depth": ("base.data_root", "extract_frames.sources", "label_depth"),
    "pack_samples": ("pack_samples",),
    "pretrain": ("base.seed", "model.name", "model.network", "model.loss", "pack_samples", "pretrain"),
    "finetune": ("base.seed", "model.name", "model.network", "model.loss", "pack_samples", "finetune"),
    "track": ("model.tracker", "track"),
    "evaluate": ("track.frames", "evaluate"),
    "report": ("report",),
}
FOLDERS = {
    "render_walkers": (),
    "extract_frames": ("data/walkers",),
    "label_depth": ("data/frames", "data/walkers"),
    "pack_samples": ("data/frames", "data/depth"),
    "pretrain": ("data/samples",),
    "finetune": ("data/samples", "artifacts/pretrain"),
    "track": ("data/frames", "data/samples", "artifacts/finetune"),
    "evaluate": ("data/frames", "data/samples", "artifacts/tracks", "artifacts/observations"),
    "report": ("data/frames", "data/depth", "artifacts/pretrain", "artifacts/finetune", "artifacts/tracks", "artifacts/observations"),
}


def fingerprint_of(stage: str, params: Params, root: Path, inputs: Mapping[str, Path] | None = None) -> str:
    """Digest of everything the stage's output depends on: its parameters, the folders it reads and the code.

    Of a folder the contents of its files count, not how they came about: code that was changed upstream and gives the same data makes
    nothing anew. A missing input folder counts as empty here; the stage itself says what is missing.

    Args:
        stage: its name.
        params: the whole parameter file.
        root: the repository.
        inputs: folders that stand for those of `FOLDERS`, by their names there.
    """
    folders = {folder: (inputs or {}).get(folder, root / folder) for folder in FOLDERS[stage]}
    digests = {name: content_digest(folder) or "absent" for name, folder in folders.items()}
    return digest(stage, read_by(stage, params), digests, closure.digest(f"stages/{stage}.py", ROOT))


def read_by(stage: str, params: Params) -> dict[str, object]:
    """The parameters that a stage's output depends on, as plain data by dotted section."""
    return {name: _lookup(params, name) for name in SECTIONS[stage]}


def _lookup(params: Params, dotted: str) -> object:
    value: object = params
    for part in dotted.split("."):
        value = getattr(value, part)
    if isinstance(value, list):
        return [item.model_dump() if isinstance(item, BaseModel) else item for item in value]
    return value.model_dump() if isinstance(value, BaseModel) else value
