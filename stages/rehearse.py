"""Make all machine code, as the end of an installation, so that none waits for it: `python -m stages.rehearse`."""

from __future__ import annotations

from models import load
from pipeline.feeding import augment
from stages import ROOT, check, plain_errors


def main() -> None:
    """Rehearse the system that the parameter file names, and what it is shown in training."""
    with plain_errors():
        params, options = check(ROOT / "params.yaml")
        spec = load(params.model.name)
        spec.association.warm_up(options)
        if spec.training is not None:
            spec.training.warm_up(options)
        augment.rehearse()


if __name__ == "__main__":
    main()
