"""Wrong options are refused by name before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from models.outrack.options import OutrackOptions, uses_identities
from pipeline.errors import UserError
from pipeline.params.file import validate
from tests.models.outrack.samples import small_options


def check(section: str, **changes: Any) -> OutrackOptions:
    raw = small_options().model_dump()
    raw[section] |= changes
    return validate(OutrackOptions, raw, where="params.yaml", prefix="model")


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("loss", {"temperature": "warm"}, r"model\.loss\.temperature: must be adaptive or a number above 0 \(got 'warm'\)"),
        ("loss", {"temperature": 0}, r"model\.loss\.temperature: must be adaptive or a number above 0"),
        ("loss", {"placeholder": "median"}, r"model\.loss\.placeholder: .*'mean', 'zero' or 'none'"),
        ("loss", {"reid": "jde"}, r"model\.loss\.reid: .*'utrack', 'cycas', 'classification', 'quasi_dense' or 'none'"),
        ("loss", {"quasi_dense": {"negative": 0.8}}, r"model\.loss\.quasi_dense: negative must not exceed positive, got 0\.8 and 0\.7"),
        ("tracker", {"similarity": "softmax"}, r"model\.tracker\.similarity: .*'cosine' or 'bisoftmax'"),
        ("tracker", {"similarity_scale": 0}, r"model\.tracker\.similarity_scale: must be adaptive or a number above 0"),
        ("network", {"backbone": "dla34"}, r"model\.network: width must be 64 with backbone dla34, got 8"),
        ("network", {"depth_min": 100.0}, r"model\.network: depth_max must exceed depth_min"),
        ("network", {"width": 12}, r"model\.network\.width: .*multiple of 8"),
        ("tracker", {"refinding": "paper"}, r"model\.tracker\.refinding: unknown key; allowed here: .*refind_window"),
    ],
)
def test_mistakes_are_named(section: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(section, **changes)


@pytest.mark.parametrize("temperature", ["adaptive", 3, 2.5])
def test_temperature_is_a_word_or_a_number(temperature: str | float) -> None:
    assert check("loss", temperature=temperature).loss.temperature == temperature


def test_published_models_from_before_the_objectives_are_utrack() -> None:
    raw = small_options().model_dump()
    del raw["loss"]["reid"], raw["loss"]["quasi_dense"], raw["tracker"]["similarity"], raw["tracker"]["similarity_scale"]
    found = OutrackOptions.model_validate(raw)
    assert (found.loss.reid, found.tracker.similarity) == ("utrack", "cosine")


@pytest.mark.parametrize(
    ("reid", "seen"), [("utrack", False), ("cycas", False), ("classification", True), ("quasi_dense", True), ("none", False)]
)
def test_two_objectives_see_identities(reid: str, seen: bool) -> None:
    assert uses_identities(check("loss", reid=reid)) is seen


def test_a_bare_off_in_yaml_turns_refinding_off() -> None:
    assert check("tracker", refind=yaml.safe_load("off")).tracker.refind == "off"
