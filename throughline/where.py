"""Where a command finds the repository, its parameters and the registry: in a checkout, or installed without one."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parents[1]
STORE = "sqlite:///mlflow.db"  # of a folder without params.yaml, as MLflow has it

CHECKOUT: Path | None = _HERE if (_HERE / "dvc.yaml").is_file() and (_HERE / "stages").is_dir() else None  # None: installed without one


def root() -> Path:
    """The repository; else the folder that a command runs in."""
    return CHECKOUT or Path.cwd()


def cache() -> Path:
    """Folder for models that were fetched."""
    from pipeline.numerics.jit import user_cache

    return (CHECKOUT / ".throughline" if CHECKOUT else user_cache()) / "models"


def tracking_uri(stated: str | None = None) -> str:
    """MLflow's store, with an absolute path: as stated, else MLFLOW_TRACKING_URI, else of params.yaml, else mlflow.db in this folder.

    Raises:
        UserError: it is not stated, and came from another clone; or params.yaml cannot be used.
    """
    from pipeline.params import file
    from pipeline.registry import address

    if stated:
        return address.absolute_uri(stated, root())
    params = root() / "params.yaml"
    reads = not address.TOLD and params.is_file()
    return address.tracking_uri(file.load(params).mlflow.tracking_uri if reads else STORE, root())
