"""A trained tracker as MLflow keeps it: its weights once, and the code that tracks with them, to be loaded without this repository."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from pipeline.artifacts.relocation import write_package

ROOT = Path(__file__).resolve().parents[2]
SERVED = "throughline/served.py"  # what MLflow loads
SYSTEM_FILES = ("spec.py", "options.py")  # of the system's folder, which are imported by their names
PACKAGE = "throughline"  # what the package inside a version is called, its digest aside
NEEDED = (
    "torch",
    "numpy",
    "numba",
    "scipy",
    "opencv-python-headless",
    "av",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "safetensors",
    "fsspec",
    "pandas",
)
EXAMPLE = (1, 24, 32, 3)  # a tracker takes frames of any size; an example is kept as JSON text, so it is small
CARD = "model.json"
USE = """```python
mlflow.pyfunc.load_model("models:/{name}@latest").predict(frames)  # (N, H, W, 3) uint8 RGB, or the path of a video
```"""
INTEGERS, NUMBERS = ("frame", "identity"), ("x1", "y1", "x2", "y2", "score")


def log_tracker(name: str, folder: Path, files: Sequence[str], description: str) -> str:
    """Log a model folder to the active MLflow run as a pyfunc, and register it.

    Args:
        name: of the system, of the logged and of the registered model.
        folder: holds the files.
        files: names of those to keep.
        description: in Markdown; shown with the version.

    Returns:
        The registered version.
    """
    with tempfile.TemporaryDirectory(prefix="throughline-export-") as temporary, _unannounced():
        code, data = Path(temporary, "code"), Path(temporary, "model")
        data.mkdir()
        for file in files:
            shutil.copyfile(folder / file, data / file)
        system = [f"models/{name}/{file}" for file in SYSTEM_FILES]
        package = write_package([SERVED, *(file for file in system if (ROOT / file).is_file())], ROOT, code, PACKAGE)
        logged = mlflow.pyfunc.log_model(
            name=name,
            loader_module=f"{package}.{SERVED.removesuffix('.py').replace('/', '.')}",
            data_path=str(data),
            code_paths=[str(code / package)],
            registered_model_name=name,
            signature=signature(),
            input_example=np.zeros(EXAMPLE, np.uint8),
            pip_requirements=[f"{item}=={version(item).split('+')[0]}" for item in NEEDED],
        )
    mlflow.MlflowClient().update_model_version(name, str(logged.registered_model_version), description)
    return str(logged.registered_model_version)


def signature() -> ModelSignature:
    """The model's signature: (N, H, W, 3) uint8 frames in, a table of boxes out.

    A video's path is accepted as well: the model checks its input itself, and its error says what it takes.
    """
    outputs = [*(ColSpec(DataType.long, name) for name in INTEGERS), *(ColSpec(DataType.double, name) for name in NUMBERS)]
    made = ModelSignature(
        Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3))]),
        Schema(outputs),
        ParamSchema([ParamSpec("frame_rate", DataType.double, 25.0)]),
    )
    # In an MLmodel file this says that the model validates its input itself. MLflow's own check of a tensor refuses every string.
    made._is_signature_from_type_hint = True
    return made


def describe(folder: Path, name: str) -> str:
    """MLflow's description of a version: what its card says, in Markdown."""
    card = json.loads((folder / CARD).read_text())
    lines = [f"`{name}`, a tracker of {', '.join(card.get('classes', ['pedestrian']))}."]
    if "width" in card:
        lines.append(f"Input {card['width']}x{card['height']} pixels; frames of any size are fitted into it.")
    seen = card.get("seen")
    if seen is None:
        lines.append("Nothing is known of what it learnt from.")
    else:
        sets = ", ".join(f"{name} ({count} frames)" for name, count in seen["datasets"].items())
        lines.append(f"Learnt from {sets}; sequences: {seen['sequences']}. A video is unlike these where its pictures lie outside of:")
        table = ["| of a picture | least | greatest |", "|---|---|---|"]
        table += [f"| {name} | {seen[name][0]:.3f} | {seen[name][1]:.3f} |" for name in ("contrast", "detail")]
        if seen["heights"] is not None:
            table.append(f"| height of an object over the picture's (5 % and 95 %) | {seen['heights'][0]:.3f} | {seen['heights'][1]:.3f} |")
        lines.append("\n".join(table))
    lines.append(USE.format(name=name))
    return "\n\n".join(lines)


@contextlib.contextmanager
def _unannounced() -> Iterator[None]:
    """Without MLflow's remarks on its progress; its warnings are heard."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
