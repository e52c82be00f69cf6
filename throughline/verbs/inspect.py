"""`throughline inspect ROOT`."""

from __future__ import annotations

import json
from typing import Annotated, cast

import typer


def kinds() -> list[str]:
    """Kinds of source, for completion."""
    from typing import get_args

    from pipeline.params.sections.data import SourceKind

    return list(get_args(SourceKind))


def inspect(
    root: Annotated[str, typer.Argument(help="Folder, .zip file or fsspec URL, as in zip://MOT17::/data/MOT17.zip.")],
    kind: Annotated[str | None, typer.Option(help="Kind of source.", show_default="guessed", autocompletion=kinds)] = None,
    sequence: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.", show_default="all")] = None,
    images_per_file: Annotated[int, typer.Option(min=1, help="Stills of a sequence.")] = 64,
    decode: Annotated[bool, typer.Option("--decode", help="Read every frame, not only the first: finds each that is damaged.")] = False,
    detections: Annotated[
        str | None,
        typer.Option(help="Another detector's files, as track.detections_files names them: 'yolox/{sequence}.txt'.", show_default="none"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
) -> None:
    """Say what a data set holds and what is wrong with it.

    Defects are named by file and line, before anything runs.

    Exits with 0 when all of it can be used, with 1 when there are defects (extraction stops at them, or leaves them out with
    skip_and_report), and with 2 when there is nothing to read.
    """
    from pipeline.errors import UserError
    from pipeline.params.sections.data import SourceKind
    from pipeline.sources import inspect as inspection
    from throughline.detector_files import with_detections

    if kind is not None and kind not in kinds():
        raise UserError(f"--kind {kind}: no such kind of source; there are {', '.join(kinds())}")
    found = inspection.inspect(root, kind=cast(SourceKind | None, kind), wanted=sequence, per_file=images_per_file, decode=decode)
    if detections is not None:
        found = with_detections(found, detections)
    if as_json:
        print(json.dumps(found.document(), indent=1))
    else:
        inspection.print_inspection(found)
    raise typer.Exit(1 if found.all_defects else 0)
