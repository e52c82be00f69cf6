"""A parameter file checked whole: the shared sections, then what stands in them for the system alone. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from models import SYSTEMS, options, training_options
from pipeline.params.file import validate
from pipeline.params.sections import TRAININGS, Params
from pipeline.params.sections.training import Training


def check(raw: Mapping[str, Any], where: str) -> tuple[Params, BaseModel]:
    """Check a parameter file: the shared sections, `model`, and `model` of the two training sections.

    Args:
        raw: the file as a mapping.
        where: the file, for messages.

    Returns:
        The shared sections, and the `model` section by the system's own class.

    Raises:
        UserError: names every key that cannot be used, and where a key that a system has of its own stands now.
    """
    params = validate(Params, raw, where=where, moved=dict(_moved(raw)))
    section = params.model.model_dump()
    name = section.pop("name")
    own = validate(options(name), section, where=where, prefix="model")
    for stage in TRAININGS:
        validate(training_options(name), getattr(params, stage).model, where=where, prefix=f"{stage}.model")
    return params, own


def _moved(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys of the training sections that systems have of their own -> what is said of them: once they were shared by all."""
    model = raw.get("model")
    name = str(model.get("name")) if isinstance(model, dict) else ""
    known = {system: training_options(system).model_fields for system in SYSTEMS}
    for stage in TRAININGS:
        section = raw.get(stage)
        for key in section if isinstance(section, dict) and name in known else ():
            if key in known[name]:
                yield f"{stage}.{key}", f"moved to {stage}.model.{key}"
            elif key not in Training.model_fields and any(key in fields for fields in known.values()):
                yield f"{stage}.{key}", f"no longer here: some systems have it in {stage}.model, {name} does not; remove it"
