"""`throughline warm-up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS


def warm_up(params: Annotated[Path, typer.Option(help="Parameter file, whose system it is.", show_default="params.yaml")] = PARAMS) -> None:
    """Compile all machine code once, so that nothing waits.

    The end of an installation; later commands read it from disk.
    """
    import models
    import stages
    from pipeline.feeding import augment

    read, options = stages.check(params)
    spec = models.load(read.model.name)
    spec.association.warm_up(options)
    if spec.training is not None:
        spec.training.warm_up(options)
    augment.warm_up()
