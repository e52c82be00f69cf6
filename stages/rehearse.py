"""Make the tracker's machine code, as the end of an installation, so that no stage waits for it: `python -m stages.rehearse`."""

from __future__ import annotations

from models import load
from stages import ROOT, check, plain_errors


def main() -> None:
    """Rehearse the system that the parameter file names."""
    with plain_errors():
        params, options = check(ROOT / "params.yaml")
        load(params.model.name).rehearse(options)


if __name__ == "__main__":
    main()
