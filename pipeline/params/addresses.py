"""Addresses with a user's name and password: written down without the password, opened with it, shown without.

params.yaml is committed, its values reach dvc.lock, MLflow and the report, so a password in it would be everywhere. An address there names
variables of the environment instead, `https://${DATA_USER}:${DATA_PASSWORD}@host/set`, which are looked up when the address is opened.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from pipeline.errors import UserError

_LOGIN = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]*)(?=@)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def without_password(address: str) -> str:
    """The address itself, where no part of it holds a password in plain text.

    Raises:
        ValueError: one does; the message does not repeat it.
    """
    for login in _LOGIN.finditer(address):
        if login[2] and not _VARIABLE.fullmatch(login[2]):
            raise ValueError(
                "holds a password, and this file is committed and logged; write ${NAME} in its place, as in "
                "https://${DATA_USER}:${DATA_PASSWORD}@host/set, and set these variables in the environment"
            )
    return address


Address: TypeAlias = Annotated[str, AfterValidator(without_password)]


def filled(address: str) -> str:
    """The address with the variables in its logins replaced by their values, for whoever opens it and nobody else.

    Raises:
        UserError: a variable is not set.
    """

    def value(variable: re.Match[str]) -> str:
        if variable[1] not in os.environ:
            raise UserError(
                f"{masked(address)}: the environment has no variable {variable[1]}\nnext: set it, and start the same command again"
            )
        return os.environ[variable[1]]

    return _LOGIN.sub(lambda login: _VARIABLE.sub(value, login[0]), address)


def masked(text: str) -> str:
    """A text in which the password of every address is three stars; names of variables stay."""
    return _LOGIN.sub(lambda login: login[0] if _VARIABLE.fullmatch(login[2]) or not login[2] else f"{login[1]}:***", text)
