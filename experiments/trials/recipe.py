"""What a trial is: a parameter file, what it changes at each step, and seeds. Two recipes with one digest have one outcome."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

import models
from pipeline.artifacts.fingerprint import read_by
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params

Overrides = Mapping[str, Any]  # dotted key of params.yaml -> value
Step = Literal["pretrain", "finetune", "track"]
STEPS: tuple[Step, ...] = ("pretrain", "finetune", "track")


@dataclass(frozen=True)
class Recipe:
    """Everything a trial is; picklable.

    Attributes:
        label: what tells it from the others, for people.
        raw: the base parameter file as a mapping.
        pretrain: changes for pretraining; None: no pretraining, fine-tuning starts at random.
        finetune: changes for fine-tuning; None: the pretrained network is tracked.
        track: changes for tracking and scoring.
        seed: of fine-tuning.
        shared_seed: of pretraining, so that trials may share one.
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
            raw = of_system(raw, changes["model.name"], models.options(changes["model.name"]), where)
        raw = overridden(raw, {**changes, "base.seed": seed}, where)
        params = parameters.validate(Params, raw, where=where)
        section = dict(raw["model"])
        return params, parameters.validate(models.options(section.pop("name")), section, where=where, prefix="model")

    def digest(self) -> str:
        """Names the trial by the parameters that its steps read."""
        read = {"track": self.parameters("track")[0]}
        read |= {"finetune": self.parameters("finetune")[0]} if self.finetune is not None else {}
        read |= {"pretrain": self.parameters("pretrain")[0]} if self.pretrain is not None else {}
        return parameters.digest({step: read_by(step, params) for step, params in read.items()}, read_by("evaluate", read["track"]))


def of_system(raw: Mapping[str, Any], name: str, options: type[BaseModel], where: str) -> dict[str, Any]:
    """A copy of a parameter file for another system: what both know keeps its value, what only the other one knows has its default.

    Args:
        raw: the file as a mapping.
        name: of the other system.
        options: its class.
        where: who asks, for the message.

    Raises:
        UserError: the other system asks for a value that the file does not have.
    """
    model: dict[str, Any] = {"name": name}
    for section, field in options.model_fields.items():
        known = raw["model"].get(section, {})
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        wanted = field.annotation.model_fields
        missing = [key for key, one in wanted.items() if key not in known and one.is_required()]
        if missing:
            keys = ", ".join(f"model.{section}.{key}" for key in missing)
            raise UserError(
                f"{where}: system {name} also needs {keys}, which {raw['model']['name']} does not have\nnext: begin with a preset of {name}"
            )
        model[section] = {key: known[key] if key in known else one.get_default(call_default_factory=True) for key, one in wanted.items()}
    return {**copy.deepcopy(dict(raw)), "model": copy.deepcopy(model)}


def overridden(raw: Mapping[str, Any], changes: Overrides, where: str) -> dict[str, Any]:
    """A copy of a parameter file with some values changed.

    Args:
        raw: the file as a mapping.
        changes: by dotted key.
        where: who asks, for the message.

    Raises:
        UserError: a key is not in the file; names what stands beside it.
    """
    changed = copy.deepcopy(dict(raw))
    for key, value in changes.items():
        *parents, last = key.split(".")
        place: Any = changed
        for done, part in enumerate(parents):
            place = _inside(place, part, key, ".".join(parents[:done]), where)
        _inside(place, last, key, ".".join(parents), where)
        place[last] = copy.deepcopy(value)
    return changed


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
        raise UserError(f"{where}: {key} is no parameter; {parent or 'the file'} has {known}\nnext: correct the key (see params.yaml)")
    return place[part]
