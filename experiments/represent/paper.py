"""unitrack.yaml: the paper's tables, which of our scores stand beside them, and what is claimed."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from pipeline.params.file import read, validate
from pipeline.params.sections.common import Section

FILE = Path("experiments") / "represent" / "unitrack.yaml"
Cell = float | str


class Table(Section):
    """A table of the paper, and ours beside it; the file's head explains the keys."""

    title: str
    columns: list[str]
    rows: dict[str, list[Cell]]
    task: str | None = None
    by: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=list)
    lacks: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Table:
        short = [label for label, cells in self.rows.items() if len(cells) != len(self.columns)]
        if short:
            raise ValueError(f"rows of another length than the columns: {', '.join(short)}")
        return self


class Claim(Section):
    """What is to be seen in our scores: a representation's row is better than another, by so many points at least."""

    task: str
    metric: str
    better: tuple[str, str] = Field(strict=False)
    than: tuple[str, str] = Field(strict=False)
    by: float = 0.0
    data: str | None = None


class Paper(Section):
    """The whole file."""

    tables: dict[str, Table]
    claims: list[Claim]


def load(root: Path) -> Paper:
    """Read the file of a repository.

    Raises:
        UserError: a value of it cannot be used.
    """
    return validate(Paper, read(root / FILE), where=str(root / FILE))
