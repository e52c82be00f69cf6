"""The `throughline` command: what its verbs have in common.

A verb imports what it needs inside its function, so that `--help` and completion cost no more than reading these few files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from pipeline.errors import UserError, plain_errors
from pipeline.runtime.surroundings import settle
from throughline import PARAMS, where
from throughline.verbs.cluster import cluster
from throughline.verbs.evaluate import evaluate
from throughline.verbs.fetch import fetch
from throughline.verbs.inspect import inspect
from throughline.verbs.preset import preset
from throughline.verbs.registry import registry
from throughline.verbs.relocate import relocate
from throughline.verbs.represent import represent
from throughline.verbs.repro import repro
from throughline.verbs.stored import stored
from throughline.verbs.sweep import sweep
from throughline.verbs.tables import tables
from throughline.verbs.trace import trace
from throughline.verbs.track import track
from throughline.verbs.warm_up import warm_up

ROOT = Path(__file__).resolve().parents[1]
HELP = {"-h", "--help"}
# verbs that need the repository
OF_A_CHECKOUT = ("repro", "preset", "sweep", "tables", "represent", "trace", "relocate", "stored", "warm-up", "cluster")
EXTRAS = {  # top-level modules that not every installation has, and the extra that brings each
    **dict.fromkeys(("mlflow", "ray", "dvc", "optuna", "upath", "ruamel", "pycocotools", "matplotlib", "psutil"), "train"),
    **dict.fromkeys(("s3fs", "boto3", "botocore"), "s3"),
    "transformers": "depth",
}

app = typer.Typer(
    name="throughline",
    help="From raw video to a trained, evaluated, registered tracker. The pipeline itself is `make repro` or `dvc repro`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # whose import takes longer than all else
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (repro, preset, fetch, inspect, track, evaluate, sweep, tables, represent, trace, stored, relocate, warm_up):
    app.command()(verb)
for group in (registry, cluster):
    app.add_typer(group)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        words: of the command line without its first; None: this process's.

    Raises:
        SystemExit: always. Status 0; 1 when something was found wanting, as the verb's help says; 2 on a user's mistake.
    """
    given = sys.argv[1:] if words is None else list(words)
    with plain_errors(), _extras_named():
        asks = not HELP & set(given)
        if where.CHECKOUT is None and given[:1] and given[0] in OF_A_CHECKOUT and asks:
            raise UserError(
                f"throughline {given[0]}: works on the pipeline of a checkout, and this is an installation without one\n"
                "next: clone the repository and run `make setup` there; track, evaluate, inspect and fetch work here"
            )
        if where.CHECKOUT is not None and asks:
            check_clone(Path.cwd())
        settle(PARAMS.parent)
        app(given, prog_name="throughline")


def check_clone(folder: Path, own: Path = ROOT) -> None:
    """Refuse to work from inside another clone than the one that this code belongs to, whose files the command would read and write.

    Args:
        folder: where the command was called.
        own: the clone of this code; one that was installed without a clone belongs everywhere.

    Raises:
        UserError: the folder lies in another clone, as after copying one with its .venv.
    """
    if not _is_clone(own):
        return
    for above in (folder, *folder.parents):
        if _is_clone(above) and above.resolve() != own:
            raise UserError(
                f"{above}: this `throughline` belongs to {own} and would read and write there\n"
                f"next: give this clone its own installation: `rm -rf .venv && make setup` in {above}"
            )


def _is_clone(folder: Path) -> bool:
    return (folder / "dvc.yaml").is_file() and (folder / "throughline" / "main.py").is_file()


@contextmanager
def _extras_named() -> Iterator[None]:
    """Say of a package that an extra brings which one."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        raise UserError(f"this needs {error.name}, which is not installed\nnext: pip install 'throughline[{extra}]'") from error
