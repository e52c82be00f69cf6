"""A parameter file is checked whole: what a system has of its own stands in three mappings, and keys that moved there are named."""

from __future__ import annotations

from typing import Any

import pytest

import models
from models.parameters import check
from pipeline.errors import UserError
from pipeline.params import preset
from pipeline.params.sections import TRAININGS

MINE = {
    "outrack": "walkers",
    "qdtrack": "qdtrack_walkers",
    "fdta": "fdta_walkers",
    "finetrack": "finetrack_walkers",
    "unitrack": "unitrack",
}


def changed(name: str, stage: str, own: dict[str, Any], **shared: Any) -> dict[str, Any]:
    """A preset with another `model` of a training, and further keys beside it."""
    raw = preset.values(name)
    return raw | {stage: raw[stage] | {"model": own} | shared}


@pytest.mark.parametrize("system", models.SYSTEMS)
def test_every_option_of_a_training_says_what_it_is(system: str) -> None:
    assert [name for name, field in models.training_options(system).model_fields.items() if not field.description] == []


@pytest.mark.parametrize("stage", TRAININGS)
@pytest.mark.parametrize(
    ("system", "own", "message"),
    [
        (
            "outrack",
            {"id_weight": 1.0, "max_gap": 10, "negative_ratio": 0.2, "gap": 3},
            r"model\.gap: unknown key; allowed here: id_weight, max_",
        ),
        ("outrack", {"id_weight": 1.0, "max_gap": 10}, r"model\.negative_ratio: missing"),
        ("outrack", {"id_weight": 1.0, "max_gap": 0, "negative_ratio": 0.2}, r"model\.max_gap: .* greater than or equal to 1 \(got 0\)"),
        ("qdtrack", {"max_gap": 10, "negative_ratio": 0.0}, r"model\.id_weight: missing"),
        ("finetrack", {"id_weight": 1.0, "max_gap": 10}, r"model\.max_gap: unknown key; allowed here: id_weight"),  # it pairs no frames
        ("fdta", {"id_weight": 1.0}, r"model\.id_weight: unknown key; allowed here: max_gap"),  # which stands in model.loss
        ("unitrack", {"max_gap": 10}, r"model\.max_gap: unknown key; allowed here: none"),  # it is never trained
    ],
)
def test_only_what_a_system_reads_is_allowed(system: str, own: dict[str, Any], message: str, stage: str) -> None:
    with pytest.raises(UserError, match=rf"here: 1 parameter.*\n  {stage}\.{message}"):
        check(changed(MINE[system], stage, own), "here")


def test_a_file_of_before_is_told_where_its_keys_went() -> None:
    raw = preset.values("walkers")
    shared = {key: value for key, value in raw["pretrain"].items() if key != "model"}
    with pytest.raises(UserError) as caught:
        check(raw | {"pretrain": shared | raw["pretrain"]["model"]}, "here")
    message = str(caught.value)
    for key in ("id_weight", "max_gap", "negative_ratio"):
        assert f"\n  pretrain.{key}: moved to pretrain.model.{key}" in message
    assert "pretrain.model: missing" in message


def test_a_key_that_only_others_read_is_no_longer_anywhere() -> None:
    with pytest.raises(
        UserError, match=r"finetune\.id_weight: no longer here: some systems have it in finetune\.model, fdta does not; remove it$"
    ):
        check(changed("fdta_walkers", "finetune", {"max_gap": 4}, id_weight=1.0), "here")
    with pytest.raises(UserError, match=r"finetune\.gap: unknown key; allowed here: epochs"):
        check(changed("fdta_walkers", "finetune", {"max_gap": 4}, gap=1), "here")
