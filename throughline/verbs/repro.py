"""`throughline repro`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from throughline import PARAMS


def repro(
    preset: Annotated[
        str | None, typer.Option(help="Write presets/NAME.yaml to params.yaml first; A+B lays B over A.", metavar="NAME")
    ] = None,
    data_root: Annotated[str | None, typer.Option(help="Folder of third-party data sets, with a preset.", metavar="FOLDER")] = None,
) -> None:
    """Run the pipeline: start a Ray head, run `dvc repro`, stop the head. This is what `make repro` runs.

    At the end it says which outputs equal those of the committed dvc.lock. SIGTERM, SIGINT and the end of the process that started it
    end all of that within ten seconds; finished parts are kept.
    """
    from pipeline.params import file
    from pipeline.params import preset as presets
    from pipeline.runtime import cluster
    from pipeline.runtime.ending import end_on_signals, supervised

    root, programs = PARAMS.parent, Path(sys.executable).parent
    if preset is not None:
        print(f"{presets.use(preset, data_root=data_root, root=root)} is the whole of presets/{preset}.yaml")
    index = root / ".dvc" / "tmp" / "site-cache"  # DVC's own lies in a folder that everybody may write, and holds pickles
    index.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {"DVC_SITE_CACHE_DIR": str(index)} | os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
    end_on_signals("repro")
    try:
        print(f"Ray head at {cluster.up(file.load(PARAMS).cluster)}", flush=True)
        status = supervised([str(programs / "dvc"), "repro"], root, environment)
    finally:
        cluster.down()
    if status == 0:
        _compare(root)
    raise typer.Exit(status)


def _compare(root: Path) -> None:
    """Say which outputs equal those of the committed dvc.lock."""
    from pipeline.artifacts import lock

    before, now = lock.committed(root), lock.current(root)
    if before is not None and now is not None:
        print("\n".join(lock.compared(before, now)))
