"""What is wrong with the data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.sources.place import Place


@dataclass
class Defects:
    """Bad data, named: raised at once (`strict`), or listed and left out.

    Attributes:
        base: folder of the data set; listed lines name files relative to it, so that they read the same on every machine.
        strict: raise.
        lines: what was listed.
    """

    base: Place
    strict: bool
    lines: list[str] = field(default_factory=list)

    def add(self, complaint: str) -> None:
        """Name a defect.

        Raises:
            UserError: when strict.
        """
        if self.strict:
            raise UserError(f"{complaint}\nnext: mend it, or set extract_frames.defects to skip_and_report to leave it out")
        self.lines.append(complaint.replace(f"{self.base}/", ""))

    @contextmanager
    def leaving_out(self) -> Iterator[None]:
        """List what the block raises as a user's mistake, and go on without what the block was for.

        Raises:
            UserError: when strict.
        """
        try:
            yield
        except UserError as error:
            if self.strict:
                raise
            self.lines.append(str(error).partition("\nnext:")[0].replace(f"{self.base}/", ""))

    def sink(self) -> list[str] | None:
        """A list for readers that take one in place of raising; give it to `take` when they are done."""
        return None if self.strict else []

    def take(self, complaints: list[str] | None) -> None:
        """List what a reader left in a `sink`."""
        for complaint in complaints or ():
            self.add(complaint)
