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
    """MLflow's store, with an absolute path: as stated, else MLFLOW_TRACKING_URI, else of params.yaml, else mlflow.db in this folder."""
    from pipeline.params import file
    from pipeline.registry.address import TOLD, absolute_uri

    named = stated or TOLD
    if named:
        return absolute_uri(named, root())
    params = root() / "params.yaml"
    return absolute_uri(file.load(params).mlflow.tracking_uri if params.is_file() else STORE, root())
