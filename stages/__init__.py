"""The story: one file per stage, in the order of dvc.yaml. This page is the frame that every stage runs in.

`run` reads the parameters, opens the MLflow run, calls the stage with a `Context` and turns a plain error (a user's mistake, a
lost connection) into its message alone.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from threadpoolctl import threadpool_limits

from models import carries_masks, detects
from models import load as load_spec
from models import parameters as systems
from pipeline.artifacts import reach, store
from pipeline.artifacts.fingerprint import code_of, compare_inputs, fingerprint_of, is_current
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.turn import turn
from pipeline.errors import UserError, plain_errors
from pipeline.params import file as parameters
from pipeline.params.sections import STAGES, Params
from pipeline.registry.address import named_by, tracking_uri
from pipeline.registry.runs import StageRun, started
from pipeline.runtime.ending import end_on_signals
from pipeline.runtime.machine import kind
from pipeline.runtime.surroundings import require_server, settle
from pipeline.tracking.plan import check_detections, check_masks

if TYPE_CHECKING:
    from pipeline.contract.spec import ModelSpec

ROOT = Path(__file__).resolve().parents[1]
ANEW = "THROUGHLINE_ANEW"  # environment variable: whatever it holds, a stage works though its output is there, for timing and debugging


@dataclass(frozen=True)
class Context:
    """What a stage gets.

    Attributes:
        params: the whole parameter file, checked.
        options: the model's part of it, checked by the model's own class.
        stage: the stage's name.
        root: the repository, absolute.
        run: the stage's MLflow run.
        fingerprint: digest of this stage's parameters, inputs and code; the same fingerprint means the same output.
    """

    params: Params
    options: BaseModel
    stage: str
    root: Path
    run: StageRun
    fingerprint: str

    @property
    def data(self) -> Path:
        """Folder of the data artefacts, or of pointers to them (`store.follow`)."""
        return self.root / "data"

    @property
    def artifacts(self) -> Path:
        """Folder of what training and tracking make, or of pointers to it."""
        return self.root / "artifacts"

    @functools.cached_property
    def spec(self) -> ModelSpec:
        """The model of `params.model.name`."""
        return load_spec(self.params.model.name)

    @functools.cached_property
    def code(self) -> str:
        """Digest of the code behind the stage's output."""
        return code_of(self.stage, self.params)

    def publication(self, out: Path, fingerprint: str | None = None, shown: tuple[str, ...] = ()) -> Publication:
        """A folder that this stage publishes.

        Args:
            out: the folder, in the repository.
            fingerprint: of the folder, where it depends on more than the stage does; None: the stage's own.
            shown: names of its files that lie in the repository even where a store keeps the folder.
        """
        kept = store.folder_of(self.params.base.store, self.root, out)
        return Publication(out, self.stage, fingerprint or self.fingerprint, kept, shown)


@dataclass(frozen=True)
class Record:
    """What a stage leaves outside its output, in the model registry; a kill or DVC's cache may bring the one without the other.

    Attributes:
        is_there: whether the registry has what belongs to the output that is there.
        make: brings it there.
    """

    is_there: Callable[[Params, Path], bool]
    make: Callable[[Context], None]


def run(stage: str, work: Callable[[Context], None], record: Record | None = None) -> None:
    """Run a stage as `python -m stages.<stage> [--params FILE]`; a plain error ends it with its status and message."""
    end_on_signals(stage)
    parser = argparse.ArgumentParser(prog=f"python -m stages.{stage}", description=work.__doc__)
    parser.add_argument("--params", default=str(ROOT / "params.yaml"), help="parameter file (default: params.yaml)")
    execute(stage, work, Path(parser.parse_args().params), record=record)


def execute(stage: str, work: Callable[[Context], None], params_file: Path, root: Path = ROOT, record: Record | None = None) -> None:
    """Run a stage's work on a parameter file (see `run`); where its output is there already, leave that as it is.

    Then only its record is made, if it has one that is not there.
    """
    with plain_errors():
        settle(root)
        params, options = check(params_file)
        require_server(tracking_uri(params.mlflow.tracking_uri, root), named_by())
        store.check(params.base.store, root)
        with turn(stage, root) as mine, store.connected(params.base.store):
            fingerprint = fingerprint_of(stage, params, root)
            finished = ANEW not in os.environ and mine.unfinished != fingerprint
            if finished and is_current(stage, params, root, fingerprint):
                if record is None or record.is_there(params, root):
                    print(f"{stage}: its output is of these very parameters, inputs and code, and whole; nothing to do")
                else:
                    _work(stage, record.make, params, options, root, fingerprint)
                return
            compare_inputs(stage, root)
            mine.begin(fingerprint)
            _work(stage, work, params, options, root, fingerprint)
            mine.end()


def make_good(stage: str, record: Record, params_file: Path, root: Path = ROOT) -> bool:
    """Make a stage's record where its output is there and the record is not; nothing else is made.

    Returns:
        Whether there was something to make.

    Raises:
        UserError: the output is not there, or not of these parameters.
    """
    settle(root)
    params, options = check(params_file)
    require_server(tracking_uri(params.mlflow.tracking_uri, root), named_by())
    with turn(stage, root), store.connected(params.base.store):
        fingerprint = fingerprint_of(stage, params, root)
        if not is_current(stage, params, root, fingerprint):
            raise UserError(
                f"{stage}: its output is not there, or not of {params_file}\nnext: `dvc repro {stage}`, which registers by itself"
            )
        if record.is_there(params, root):
            return False
        _work(stage, record.make, params, options, root, fingerprint)
    return True


def _work(stage: str, work: Callable[[Context], None], params: Params, options: BaseModel, root: Path, fingerprint: str) -> None:
    """Do a stage's work in an MLflow run of its own."""
    tags = {"throughline.params_hash": parameters.digest(params), "throughline.fingerprint": fingerprint}
    tags |= {"throughline.code": code_of(stage, params), "throughline.machine": json.dumps(kind())}
    begun = time.monotonic()
    decisive, whole = decided_by(stage, params), params.model_dump(exclude={"cluster", "mlflow", "sweep"})
    opened = started(params.mlflow, root, stage=stage, tags=tags, store=params.base.store, params=decisive, whole=whole)
    tracking = reach.Tracking(tracking_uri(params.mlflow.tracking_uri, root), named_by())
    one_thread = threadpool_limits(1, user_api="blas")  # as in its workers: threads decide digits
    with reach.ready(params, root, tracking), one_thread, opened as stage_run:
        work(Context(params, options, stage, root, stage_run, fingerprint))
        stage_run.metrics({"stage_seconds": time.monotonic() - begun})


def decided_by(stage: str, params: Params) -> dict[str, Any]:
    """The sections behind a stage's output: its own and those of the stages before it, as its run in MLflow shows them.

    `model` is there from the first stage that trains; where tracking takes a model from elsewhere, what trains one here is not.
    """
    at = STAGES.index(stage)
    names = {"base", "model", *STAGES[: at + 1]} if at >= STAGES.index("pretrain") else {"base", *STAGES[: at + 1]}
    if at >= STAGES.index("track") and params.track.model is not None:
        names -= {"pretrain", "finetune"}
    return params.model_dump(include=names)


def check(params_file: Path) -> tuple[Params, BaseModel]:
    """Read a parameter file whole, the system's sections included.

    Raises:
        UserError: names every key that cannot be used, or the system detects nothing and is told no boxes, or has no masks to keep.
    """
    params, options = systems.check(parameters.read(params_file), str(params_file))
    if params.track.model is None:
        check_detections(params.model.name, params.track, detects=detects(params.model.name))
        check_masks(params.model.name, params.track, carried=carries_masks(params.model.name, options))
    return params, options
