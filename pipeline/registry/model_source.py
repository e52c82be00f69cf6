"""From a model's name to its folder: one on this disk is used as it is, one in the registry is copied here first."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError

REGISTRY = "models:/"
WEIGHTS, CARD = "weights.safetensors", "model.json"


def local_model(model: str, tracking_uri: str, key: str, cache: Path) -> Path:
    """The folder of a model.

    Args:
        model: `models:/outrack@champion`, which is fetched, or a folder that holds a model.
        tracking_uri: MLflow store of the registry, with an absolute path.
        key: what the user wrote the name to, for the message.
        cache: folder for what is fetched.

    Raises:
        UserError: there is no such model.
    """
    if not model.startswith(REGISTRY):
        if not Path(model).is_dir():
            raise UserError(f"{key}: no such folder: {model}\nnext: name a folder that holds {WEIGHTS} and {CARD}, or {REGISTRY}NAME@ALIAS")
        return Path(model).resolve()
    try:
        from pipeline.registry import registry
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        from pipeline.registry import sqlite_store

        return sqlite_store.model_folder(model, tracking_uri)
    found = registry.show(model, tracking_uri)
    return registry.fetch(model, tracking_uri, cache / f"{found.name}-{found.version}")
