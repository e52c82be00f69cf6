"""`throughline fetch NAME`: a public data set, checked and unpacked, where the presets look for it.

The sets stand in public.yaml. Archives are downloaded and unpacked one after the other into a hidden folder beside the goal; the goal
appears at the end, whole. After a kill or a broken connection the same command goes on: finished files are not fetched again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from pipeline.artifacts.publication import require_space
from pipeline.errors import UserError
from pipeline.fetch.download import FIRST_WAIT, File, download
from pipeline.fetch.unpack import unpack
from pipeline.params.sections.common import Section

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_suffix(".yaml")
_GB = 1_000_000_000


class SetFile(Section):
    """A file of a set, as the head of public.yaml explains."""

    url: str = Field(pattern=r"^https?://[^?#]+/[\w.-]*\w$")
    size: int | None = Field(ge=1)
    sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    unpack: bool = True


class DataSet(Section):
    """A set, as the head of public.yaml explains."""

    folder: str = Field(pattern=r"^\w[\w.-]*$")
    licence: str
    at_most_gb: float = Field(gt=0)
    files: list[SetFile] = Field(min_length=1)


def read_table(path: Path = TABLE) -> dict[str, DataSet]:
    """Name -> data set.

    Raises:
        UserError: the table is not in order.
    """
    try:
        return {str(name): DataSet.model_validate(body) for name, body in yaml.safe_load(path.read_text()).items()}
    except ValidationError as error:
        raise UserError(f"{path}: {error}\nnext: correct the table; its head explains the keys") from None


def fetch(name: str, to: Path, table: dict[str, DataSet], first_wait: float = FIRST_WAIT) -> Path:
    """Download and unpack one data set and return its folder; where that folder exists, nothing is downloaded.

    Args:
        name: of the set, in the table.
        to: folder in which the set's own folder is made.
        table: of `read_table`.
        first_wait: seconds before a second attempt at a file.

    Raises:
        UserError: an unknown name, too small a disk, or what `download` and `unpack` refuse.
    """
    if name not in table:
        raise UserError(f"{name}: no such data set; there are {', '.join(table)}\nnext: name one of them, or add it to {TABLE.name}")
    data, goal = table[name], to / table[name].folder
    partial, whole = to / f".{data.folder}.partial", to / f".{data.folder}.partial" / "whole"
    if goal.exists():
        print(f"{goal} is there already; remove it to fetch it anew")
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed in its last moment
        return goal
    print(f"{name}: {data.licence}")
    waiting = [file for file in data.files if not (partial / _mark(file)).is_file()]
    if waiting:
        downloads = sum(file.size or 0 for file in waiting)
        require_space(partial, downloads + int(data.at_most_gb * _GB) - _bytes_in(partial), f"fetching {name}")
    for file in waiting:
        _bring(file, partial, data, first_wait)
    whole.mkdir(exist_ok=True)
    for file in data.files:
        _merge(partial / "parts" / _stem(file), whole)
    os.replace(whole, goal)
    shutil.rmtree(partial)
    return goal


def _bring(file: SetFile, partial: Path, data: DataSet, first_wait: float) -> None:
    """Download one file, lay its contents into parts/, and mark it done."""
    wanted = File(file.url, file.size, file.sha256)
    path, part = partial / wanted.name, partial / "parts" / _stem(file)
    digest = download(wanted, path, first_wait) if not path.is_file() else None
    if digest and file.sha256 is None:
        print(f"{wanted.name}: SHA-256 {digest} (none is publicly known to compare with)")
    shutil.rmtree(part, ignore_errors=True)
    if file.unpack:
        try:
            unpack(path, part, int(data.at_most_gb * _GB) - _bytes_in(partial / "parts"))
        except UserError:
            shutil.rmtree(part, ignore_errors=True)
            raise
    else:
        part.mkdir(parents=True)
        os.replace(path, part / wanted.name)
    inner = part / data.folder
    if file.unpack and [entry.name for entry in part.iterdir()] == [data.folder] and inner.is_dir():
        moved = part.with_name(part.name + ".inner")
        os.replace(inner, moved)
        part.rmdir()
        os.replace(moved, part)
    (partial / _mark(file)).touch()
    path.unlink(missing_ok=True)


def _merge(source: Path, target: Path) -> None:
    """Move what lies in one folder into another; after a kill it goes on."""
    if source.is_dir():
        for path in sorted(item for item in source.rglob("*") if not item.is_dir()):
            goal = target / path.relative_to(source)
            if goal.exists():
                raise UserError(f"{path.name}: two archives of the set hold {path.relative_to(source)}\nnext: correct {TABLE.name}")
            goal.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, goal)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _stem(file: SetFile) -> str:
    return file.url.rpartition("/")[2]


def _mark(file: SetFile) -> str:
    return f"{_stem(file)}.done"
