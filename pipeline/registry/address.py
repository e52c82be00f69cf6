"""Where MLflow's store lies: what MLFLOW_TRACKING_URI or the parameter file names, made absolute, and refused where it is another clone's.

MLflow writes absolute paths into a sqlite store, so a copied or moved file goes on naming the folders that it came from. Each experiment
therefore carries the path of the file that it was made in; `throughline relocate` (pipeline/registry/relocate.py) brings both together.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote

from pipeline.errors import UserError
from pipeline.params.roots import home

VARIABLE, PARAMETER = "MLFLOW_TRACKING_URI", "mlflow.tracking_uri"
TOLD = os.environ.get(VARIABLE)  # as it is before MLflow sets it for its children
SQLITE = "sqlite:///"
FILE = "file://"
DATABASE = "throughline.database"  # tag of an experiment: the sqlite file that it was made in
RUNS = "mlruns"


def tracking_uri(setting: str, root: Path) -> str:
    """The store to use: MLFLOW_TRACKING_URI before the parameter file, with an absolute path, and checked to be this clone's own.

    Args:
        setting: mlflow.tracking_uri of the parameter file.
        root: the repository, or DVC's copy of it, whose store is the repository's.

    Raises:
        UserError: the store came from another place (see `check_place`).
    """
    uri = absolute_uri(TOLD or setting, root)
    check_place(uri)
    return uri


def named_by() -> str:
    """What names the store that `tracking_uri` gives, for messages: the environment variable, or the parameter."""
    return VARIABLE if TOLD else PARAMETER


def absolute_uri(uri: str, root: Path) -> str:
    """Make `sqlite:///relative.db` independent of the working folder; other stores stay as they are."""
    if uri.startswith(SQLITE) and not uri.startswith(SQLITE + "/"):
        return SQLITE + str((home(root) / uri.removeprefix(SQLITE)).resolve())
    return uri


def use(uri: str) -> None:
    """Let MLflow's functions speak to a store; leaves MLFLOW_TRACKING_URI, which is the user's, as it was."""
    import mlflow

    before = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    os.environ.pop(VARIABLE, None)
    if before is not None:
        os.environ[VARIABLE] = before


def database(uri: str) -> Path | None:
    """The file of a sqlite store with an absolute path; None for any other store."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE + "/") else None


def check_place(uri: str) -> None:
    """Refuse a sqlite file that was copied or moved here: what is recorded in it would be written where it came from.

    Raises:
        UserError: it was; says from where and what to do.
    """
    path = database(uri)
    found = None if path is None else foreign(path)
    if found is not None:
        raise UserError(
            f"{path}: this MLflow store was made at {found} and still names that place, so runs and models of this clone would go there\n"
            "next: `throughline relocate` makes it this clone's own, with the mlruns/ beside it; or remove both to begin anew"
        )


def foreign(path: Path) -> Path | None:
    """The sqlite file that a store's experiments say they were made in, where that is another than this one."""
    if not path.is_file():
        return None
    here = path.resolve()
    for place in _places(here):
        if place != here:
            return place
    return None


def _places(path: Path) -> Iterator[Path]:
    """Where a store's experiments were made: by their tag; without one, what their folder of artefacts tells."""
    with closing(sqlite3.connect(f"{FILE}{quote(str(path))}?mode=ro", uri=True)) as base:
        try:
            rows = base.execute(
                "SELECT e.artifact_location, t.value FROM experiments e LEFT JOIN experiment_tags t"
                " ON t.experiment_id = e.experiment_id AND t.key = ? WHERE e.lifecycle_stage = 'active'",
                (DATABASE,),
            ).fetchall()
        except sqlite3.OperationalError:  # a file without MLflow's tables, which it is about to make
            return
    for location, told in rows:
        if told is not None:
            yield Path(told).resolve()
        elif location is not None and location.startswith(FILE) and location.endswith(f"/{RUNS}"):
            folder = Path(unquote(location.removeprefix(FILE))).parent
            if (folder / path.name).is_file() or not folder.is_dir():  # else it is the folder of base.store, which holds no runs
                yield (folder / path.name).resolve()
