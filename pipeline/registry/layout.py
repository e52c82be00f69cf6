"""Where a registered version keeps what our own stages load: weights.safetensors, model.json and the parameters, in one folder."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError

WEIGHTS, CARD = "weights.safetensors", "model.json"
FOLDERS = ("data/model", "extra_files")  # today's folder, and that of older versions, which held their weights twice


def model_files(version: Path, where: str) -> Path:
    """The folder with weights and card in a version's folder.

    Args:
        version: what MLflow gives for the version.
        where: its name, for messages.

    Raises:
        UserError: it was not registered by `register`.
    """
    for name in FOLDERS:
        if all((version / name / file).is_file() for file in (WEIGHTS, CARD)):
            return version / name
    raise UserError(f"{where}: holds no {WEIGHTS} and no {CARD}\nnext: fetch a version that `finetune` registered")
