"""Training checkpoints: where a run left off, and proof of which run it was.

They lie outside what DVC manages, in a folder named by the run's fingerprint, and repeat the fingerprint inside: a checkpoint of other
parameters, data or code is refused, never continued. Only tensors and plain values are stored, so loading runs no foreign code.
"""

from __future__ import annotations

import fcntl
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pyarrow.fs import FileSystem, LocalFileSystem
from torch import Tensor

from pipeline.artifacts.store import Place, remove
from pipeline.errors import UserError

FILE = "state.pt"  # in a folder of Ray's, after each epoch
STEP_FILE = "step.pt"  # in the run's folder, between epochs
FOLDER = Path(".throughline") / "checkpoints"

EpochRecord = dict[str, float]


@dataclass(frozen=True)
class TrainingState:
    """Everything that the remaining steps of a training run depend on.

    Attributes:
        fingerprint: of the run.
        epochs: how many are done.
        task: state of the network and the loss's own parameters.
        optimisers: state of each.
        history: one record per epoch done (epoch from 1, step, lr and the mean of each loss term).
        step: how many steps of the next epoch are done; the order of its samples follows from the run's seed.
        random: state of each worker's random generators, one list of tensors per worker; empty where `step` is 0.
        sums: sums of each worker's loss terms over these steps, by name; empty where `step` is 0.
        average: moving average of the network's state, where the settings ask for one.
    """

    fingerprint: str
    epochs: int
    task: dict[str, Any]
    optimisers: list[dict[str, Any]]
    history: list[EpochRecord]
    step: int = 0
    random: list[list[Tensor]] = field(default_factory=list)
    sums: list[dict[str, Tensor]] = field(default_factory=list)
    average: dict[str, Tensor] = field(default_factory=dict)


def run_folder(root: Path, stage: str, fingerprint: str) -> Path:
    """Where the checkpoints of a run lie when no store takes them; its last part is the run's name."""
    return root.resolve() / FOLDER / f"{stage}-{fingerprint[:16]}"


def kept_in(folder: Path, kept: Place | None) -> Place:
    """Where the checkpoints of a run lie: in `folder`, or, with a store, in checkpoints/ beside the store's folder `kept`."""
    return folder if kept is None else kept.parent / "checkpoints" / folder.name


def save(folder: Path, state: TrainingState) -> None:
    """Write a state into a folder that exists."""
    torch.save(vars(state), folder / FILE)


def load(folder: Path | str, fingerprint: str, filesystem: FileSystem | None = None) -> TrainingState:
    """Read a state back, on the CPU.

    Ray's own way to a remote checkpoint goes through lock files that users of one machine would share and cannot.

    Args:
        folder: of the checkpoint.
        fingerprint: of the run.
        filesystem: where the folder lies; None: on this machine.

    Raises:
        UserError: it is another run's, or unreadable.
    """
    path = Path(folder) / FILE
    try:
        with (filesystem or LocalFileSystem()).open_input_stream(str(path)) as stream:
            content = stream.read()
    except FileNotFoundError as error:
        raise _unreadable(path, error) from None
    try:
        state = _parsed(content)
    except Exception as error:  # torch.load raises whatever the damage leads to
        raise _unreadable(path, error) from None
    if state.fingerprint != fingerprint:
        raise UserError(
            f"{path}: this checkpoint belongs to another run (its fingerprint is {state.fingerprint[:16]}, this run's {fingerprint[:16]})\n"
            f"next: delete {path.parents[1]} and train again"
        )
    return state


def furthest(state: TrainingState | None, folder: Place, fingerprint: str) -> TrainingState | None:
    """The state of a run that was kept between epochs where it is further than `state`, else `state`.

    One that cannot be read, or is another run's, counts as absent: what it would have saved is trained again.

    Args:
        state: after the last whole epoch; None: there is none.
        folder: of the run's checkpoints.
        fingerprint: of the run.
    """
    path = folder / STEP_FILE
    try:
        kept = _parsed(path.read_bytes())
    except FileNotFoundError:
        return state
    except Exception as error:  # torch.load raises whatever the damage leads to
        print(f"{path}: not readable ({type(error).__name__}); going on from the last whole epoch", file=sys.stderr, flush=True)
        return state
    if kept.fingerprint != fingerprint or (state is not None and kept.epochs < state.epochs):
        return state
    return kept


def _parsed(content: bytes) -> TrainingState:
    return TrainingState(**torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: not a readable checkpoint ({error})\nnext: delete {path.parents[1]} and train again")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a run's folder against a second process, such as the stage that a killed `dvc repro` left running.

    Raises:
        UserError: another process holds it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another process is training this very run\nnext: wait for it, or end it, and run again") from None
        yield


def forget(folder: Path, kept: Place) -> None:
    """Remove the checkpoints of a run whose result is published, and its lock."""
    remove(kept)
    folder.with_suffix(".lock").unlink(missing_ok=True)
