"""What a trial is: a parameter file, what it changes at each step, and seeds. Two recipes with one digest have one outcome."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

import models
from models import parameters as model_parameters
from pipeline.artifacts.fingerprint import read_by
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import TRAININGS, Params

Overrides = Mapping[str, Any]  # dotted key of params.yaml -> value
Step = Literal["pretrain", "finetune", "track"]
STEPS: tuple[Step, ...] = ("pretrain", "finetune", "track")


@dataclass(frozen=True)
class Recipe:
    """All that defines a trial; picklable.

    Attributes:
        label: name that tells it from the others, for people.
        raw: the base parameter file as a mapping.
        pretrain: changes for pretraining; None: no pretraining, fine-tuning starts at random.
        finetune: changes for fine-tuning; None: the pretrained network is tracked.
        track: changes for tracking and scoring.
        seed: seed of fine-tuning.
        shared_seed: seed of pretraining, so that trials may share one.
    """

    label: str
    raw: Mapping[str, Any]
    pretrain: Overrides | None
    finetune: Overrides | None
    track: Overrides
    seed: int
    shared_seed: int

    def parameters(self, step: Step) -> tuple[Params, BaseModel]:
        """The parameter file of a step, its seed included, and the model's part of it.

        Raises:
            UserError: a change names no parameter, or a value cannot be used.
        """
        changes = {"pretrain": self.pretrain, "finetune": self.finetune, "track": self.track}[step] or {}
        seed = self.shared_seed if step == "pretrain" else self.seed
        where = f"{self.label}, {step}"
        raw = self.raw
        if changes.get("model.name", raw["model"]["name"]) != raw["model"]["name"]:
            raw = of_system(raw, changes["model.name"], where)
        raw = overridden(raw, {**changes, "base.seed": seed}, where)
        return model_parameters.check(raw, where)

    def digest(self) -> str:
        """Digest of the parameters that the trial's steps read, which identifies it."""
        read = {"track": self.parameters("track")[0]}
        read |= {"finetune": self.parameters("finetune")[0]} if self.finetune is not None else {}
        read |= {"pretrain": self.parameters("pretrain")[0]} if self.pretrain is not None else {}
        return parameters.digest({step: read_by(step, params) for step, params in read.items()}, read_by("evaluate", read["track"]))


def of_system(raw: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """A copy of a parameter file for another system: options that both know keep their values, those of the other one alone get defaults.

    Args:
        raw: the file as a mapping.
        name: of the other system.
        where: who asks, for the message.

    Raises:
        UserError: the other system has options without a default that the file does not state.
    """
    changed, missing = copy.deepcopy(dict(raw)), list[str]()
    sections = {}
    for section, field in models.options(name).model_fields.items():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        sections[section] = _known(raw["model"].get(section, {}), field.annotation, f"model.{section}", missing)
    changed["model"] = {"name": name, **sections}
    for stage in TRAININGS:
        own = _known(raw[stage]["model"], models.training_options(name), f"{stage}.model", missing)
        changed[stage] = {**changed[stage], "model": own}
    if missing:
        raise UserError(
            f"{where}: system {name} also needs {', '.join(missing)}, which {raw['model']['name']} does not have\n"
            f"next: begin with a preset of {name}"
        )
    return changed


def _known(given: Mapping[str, Any], kind: type[BaseModel], prefix: str, missing: list[str]) -> dict[str, Any]:
    """What a class knows of a mapping, and its defaults; the dotted names of required keys that are not there are added to `missing`."""
    fields = kind.model_fields
    missing += [f"{prefix}.{key}" for key, field in fields.items() if key not in given and field.is_required()]
    found = {key: given[key] if key in given else field.get_default(call_default_factory=True) for key, field in fields.items()}
    return copy.deepcopy(found)


def overridden(raw: Mapping[str, Any], changes: Overrides, where: str) -> dict[str, Any]:
    """A copy of a parameter file with some values changed.

    Args:
        raw: the file as a mapping.
        changes: by dotted key; an option of the system that the file leaves at its default may be among them.
        where: who asks, for the message.

    Raises:
        UserError: a key is neither in the file nor an option of its system; the message names the keys beside it.
    """
    changed = copy.deepcopy(dict(raw))
    for key, value in changes.items():
        *parents, last = key.split(".")
        place: Any = changed
        for done, part in enumerate(parents):
            if isinstance(place, dict) and part not in place and _is_option(raw, parents[: done + 1]):
                place[part] = {}
            place = _inside(place, part, key, ".".join(parents[:done]), where)
        if not _is_option(raw, [*parents, last]):
            _inside(place, last, key, ".".join(parents), where)
        place[last] = copy.deepcopy(value)
    return changed


def _is_option(raw: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether the file's system has an option of this name, which the file need not state."""
    name = raw.get("model", {}).get("name")
    if path[0] != "model" or len(path) < 3 or name not in models.SYSTEMS:
        return False
    kind: Any = models.options(name)
    for part in path[1:]:
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)) or part not in kind.model_fields:
            return False
        kind = kind.model_fields[part].annotation
    return True


def scaled(raw: Mapping[str, Any], section: str, budget: float) -> dict[str, Any]:
    """Changes that give a training section `budget` times its epochs, at least one; the drops of the rate move along."""
    settings = raw[section]
    planned = settings["epochs"]
    epochs = max(1, round(planned * budget)) if planned else 0
    drops = sorted({max(1, round(drop * epochs / planned)) for drop in settings["lr_drop_epochs"]}) if planned else []
    return {f"{section}.epochs": epochs, f"{section}.lr_drop_epochs": drops}


def _inside(place: Any, part: str, key: str, parent: str, where: str) -> Any:
    if not isinstance(place, dict) or part not in place:
        known = ", ".join(map(str, place)) if isinstance(place, dict) else "nothing"
        within = [name for name, value in place.items() if isinstance(value, dict) and part in value] if isinstance(place, dict) else []
        hint = f"; there is {'.'.join([parent, within[0], part])}" if parent and within else ""
        raise UserError(
            f"{where}: {key} is no parameter; {parent or 'the file'} has {known}\nnext: correct the key (see params.yaml){hint}"
        )
    return place[part]
