"""A registered version's folder, read out of MLflow's own database with Python alone: for whoever tracks and has not installed MLflow."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlparse

from pipeline.errors import UserError
from pipeline.registry.layout import model_files

INSTALL = "next: pip install mlflow, or name a folder that holds the model"
SQLITE = "sqlite:///"
_REFERENCE = re.compile(r"models:/(?P<name>[^@/:]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))")
_LATEST = "SELECT version, storage_location FROM model_versions WHERE name = ? ORDER BY version DESC LIMIT 1"
_ALIAS = (
    "SELECT version, storage_location FROM model_versions JOIN registered_model_aliases USING (name, version) WHERE name = ? AND alias = ?"
)
_VERSION = "SELECT version, storage_location FROM model_versions WHERE name = ? AND version = ?"


def model_folder(reference: str, tracking_uri: str) -> Path:
    """The folder with weights and card of a version, where it lies.

    Args:
        reference: `models:/outrack@champion` or `models:/outrack/3`.
        tracking_uri: `sqlite:////absolute/path.db`; any other store needs MLflow.

    Raises:
        UserError: there is no such store, model, alias or version, its files are not on this disk, or MLflow is needed.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserError(f"{reference}: not a model reference\nnext: write models:/NAME@ALIAS or models:/NAME/VERSION")
    if not tracking_uri.startswith(SQLITE):
        raise UserError(f"{tracking_uri}: only MLflow itself reads this store, and it is not installed\n{INSTALL}")
    path = Path(tracking_uri.removeprefix(SQLITE))
    if not path.is_file():
        raise UserError(f"{path}: no such MLflow store\nnext: name it with --tracking-uri or MLFLOW_TRACKING_URI, or name a folder")
    name, which = match["name"], match["alias"] or match["version"]
    query, values = (_LATEST, (name,)) if which == "latest" else (_ALIAS if match["alias"] else _VERSION, (name, which))
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as store:
            found = store.execute(query, values).fetchone()
    except sqlite3.Error as error:
        raise UserError(f"{path}: cannot be read as an MLflow store ({error})\n{INSTALL}") from None
    if found is None:
        raise UserError(f"{reference}: not in the registry at {path}\nnext: name a version or an alias that is there")
    place = urlparse(found[1] or "")
    if place.scheme not in ("", "file"):
        raise UserError(f"{reference}: its files are at {found[1]}, which only MLflow itself reads\n{INSTALL}")
    return model_files(Path(unquote(place.path)), reference)
