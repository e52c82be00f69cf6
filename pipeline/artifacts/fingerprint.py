"""What a stage's output depends on, as one digest: the same fingerprint means the same output.

dvc.yaml alone says what a stage reads: parameters (`params`), published folders and files (`deps` below data/ and artifacts/) and, under
`meta`, which parts of the system's code. Here these become one digest, and a finished output with that digest is recognised.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from pipeline.artifacts import code as closure
from pipeline.artifacts.digests import file_digest
from pipeline.artifacts.manifest import checked, content_digest, read_manifest
from pipeline.artifacts.named_files import named_digest, vouched
from pipeline.artifacts.reuse import is_whole
from pipeline.artifacts.store import MANIFEST
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.runtime.machine import arithmetic

ROOT = Path(__file__).resolve().parents[2]
_WHERE = "base.store"  # where an output lies changes none of its bytes


@dataclass(frozen=True)
class Reads:
    """What a stage reads and writes, as dvc.yaml says.

    Attributes:
        params: dotted sections of params.yaml that decide bytes.
        data: published folders and files, relative to the repository.
        code: modules that its own file reaches by a name in a parameter, such as `models/{model.name}/training.py`; words in braces are
            parameters.
        outs: what it writes.
    """

    params: tuple[str, ...]
    data: tuple[str, ...]
    code: tuple[str, ...]
    outs: tuple[str, ...]


@functools.cache
def reads(stage: str) -> Reads:
    """What dvc.yaml says about a stage."""
    body = _stages()[stage]
    outs = [next(iter(out)) if isinstance(out, dict) else out for out in body["outs"]]
    data = [dep for dep in body["deps"] if dep.startswith(("data/", "artifacts/"))]
    params = [name for name in body["params"] if name != _WHERE]
    return Reads(tuple(params), tuple(data), tuple(body.get("meta", {}).get("code", [])), tuple(outs))


@functools.cache
def _stages() -> dict[str, Any]:
    text = (ROOT / "dvc.yaml").read_text()
    found: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
    return found


def entries(stage: str, params: Params, without: str | None = None) -> tuple[str, ...]:
    """The files from which a stage's code is found: its own, and what parameters name (see `Reads.code`).

    Args:
        stage: its name.
        params: the whole parameter file.
        without: name of a module that does not count, such as `association` for what the network sees.
    """
    named = [re.sub(r"{([\w.]+)}", lambda found: str(_lookup(params, found[1])), path) for path in reads(stage).code]
    packages = (
        path if (ROOT / path).is_file() else f"{path.removesuffix('.py')}/__init__.py" for path in named if Path(path).stem != without
    )
    return (f"stages/{stage}.py", *packages)


def code_of(stage: str, params: Params, without: str | None = None) -> str:
    """Digest of the code behind a stage's output (see `entries`), and of the variables by which libraries choose theirs."""
    found, chosen = closure.digest(entries(stage, params, without), ROOT), arithmetic()
    return digest(found, chosen) if chosen else found


def fingerprint_of(stage: str, params: Params, root: Path, inputs: Mapping[str, Path] | None = None) -> str:
    """Digest of everything the stage's output depends on: its parameters, what it reads and the code.

    Of a folder the contents of its files count, not how they came about: code that was changed upstream and gives the same data makes
    nothing anew. A missing input counts as "absent" here; the stage itself says what is missing.

    Args:
        stage: its name.
        params: the whole parameter file.
        root: the repository.
        inputs: folders that stand for those that dvc.yaml names, by their names there.
    """
    places = {name: (inputs or {}).get(name, root / name) for name in reads(stage).data}
    digests = {name: _content(place) or "absent" for name, place in places.items()}
    named = named_digest(stage, params, root)
    return digest(stage, read_by(stage, params), digests, named, code_of(stage, params))


def is_current(stage: str, params: Params, root: Path, fingerprint: str) -> bool:
    """Whether a stage's output is there whole and of this fingerprint, so that running it would give the same bytes.

    Every file is compared with the digest in its manifest; a file that was not touched since it was compared last costs no reading. What a
    parameter names beyond the reach of this machine is never taken for unchanged.
    """
    if not vouched(stage, params, root):
        return False
    for out in reads(stage).outs:
        place = root / out
        if (checked(place) is None) if place.suffix else not is_whole(place, fingerprint):
            return False
    return True


def compare_inputs(stage: str, root: Path) -> None:
    """Compare every file of what a stage reads with the manifests; what is missing is for the stage itself to say.

    Raises:
        UserError: one was changed since it was published; names it and what makes it again.
    """
    for name in reads(stage).data:
        if (root / name / MANIFEST).is_file():
            read_manifest(root / name)


def read_by(stage: str, params: Params) -> dict[str, object]:
    """The parameters that a stage's output depends on, as plain data by dotted section."""
    return {name: _lookup(params, name) for name in reads(stage).params}


def _content(place: Path) -> str | None:
    return (file_digest(place) if place.is_file() else None) if place.suffix else content_digest(place)


def _lookup(params: Params, dotted: str) -> object:
    value: object = params
    for part in dotted.split("."):
        value = getattr(value, part)
    if isinstance(value, list):
        return [item.model_dump() if isinstance(item, BaseModel) else item for item in value]
    return value.model_dump() if isinstance(value, BaseModel) else value
