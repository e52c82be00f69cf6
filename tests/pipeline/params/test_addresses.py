"""A password is never written down: refused in parameter files, taken from the environment, masked in what is shown."""

from __future__ import annotations

import pytest

from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.addresses import filled, masked, without_password
from pipeline.params.sections import Params
from tests.shared import ROOT

NAMED = "https://${DATA_USER}:${DATA_PASSWORD}@host/set"


@pytest.mark.parametrize(
    "address",
    [
        NAMED,
        "data/external",
        "s3://bucket/run",
        "https://host/a:b@c",
        "https://alice@host/set",
        f"zip://a::{NAMED}.zip",
        "sqlite:///mlflow.db",
    ],
)
def test_addresses_without_a_password_are_themselves(address: str) -> None:
    assert without_password(address) == masked(address) == address


@pytest.mark.parametrize(("section", "key"), [("base", "store"), ("mlflow", "tracking_uri")])
def test_a_password_in_a_parameter_file_is_refused_and_not_repeated(section: str, key: str) -> None:
    raw = parameters.read(ROOT / "params.yaml")
    raw[section][key] = "https://alice:S3CRETPW@host/run"
    with pytest.raises(UserError, match=rf"{section}\.{key}: holds a password.*\$\{{NAME\}}") as error:
        parameters.validate(Params, raw, where="params.yaml")
    assert "S3CRETPW" not in str(error.value)
    assert "alice:***@host" in str(error.value)


def test_variables_are_filled_in_where_an_address_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_USER", "alice")
    with pytest.raises(UserError, match="the environment has no variable DATA_PASSWORD"):
        filled(NAMED)
    monkeypatch.setenv("DATA_PASSWORD", "S3CRETPW")
    assert filled(f"zip://a::{NAMED}") == "zip://a::https://alice:S3CRETPW@host/set"
    assert masked(filled(NAMED)) == "https://alice:***@host/set"
    assert filled("data/${DATA_USER}") == "data/${DATA_USER}", "no login, no variable"
