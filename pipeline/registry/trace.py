"""Where a number comes from: parameters, data, code and machine, as MLflow's runs remember them from stage to stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlflow.exceptions import MlflowException

from pipeline.registry.experiment import client

UNKNOWN = "not recorded"
INPUT, UPSTREAM = "throughline.input.", "throughline.upstream."


@dataclass(frozen=True)
class Trace:
    """What is known of a number.

    Attributes:
        what: the number, or the file or version that holds it.
        facts: command, commit, run, seed; whatever says which measurement it was.
        parameters: digest of the parameter file, and values by dotted key as far as they are known.
        data: digests of what was read, by name.
        code: digests of the code, by stage.
        machine: its kind (`pipeline.runtime.machine.kind`).
    """

    what: str
    facts: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """For people: one line for each thing that is known, and `not recorded` for each part of which nothing is."""
        parts = {name: value for name, value in asdict(self).items() if name not in ("what", "facts")}
        lines = [self.what, *(f"  {key}: {value}" for key, value in self.facts.items())]
        for name, values in parts.items():
            lines += [f"  {name}:", *(f"    {key}: {value}" for key, value in values.items())] if values else [f"  {name}: {UNKNOWN}"]
        return "\n".join(lines)


def of_run(tracking_uri: str, run_id: str, what: str) -> Trace:
    """Everything that a run and the runs upstream of it recorded.

    Args:
        tracking_uri: MLflow's store.
        run_id: of the run that measured.
        what: for `Trace.what`.
    """
    chain = _chain(tracking_uri, run_id)
    if not chain:
        return Trace(what, {"run": f"{run_id}, which is not in the store at {tracking_uri}"})
    tags = chain[-1].data.tags
    commit = tags.get("throughline.git_commit", UNKNOWN) + ("+" if tags.get("throughline.git_dirty") == "true" else "")
    facts = {"commit": commit, "run": run_id} | {f"run of {_stage(run)}": run.info.run_id for run in chain[:-1]}
    parameters = {"params.yaml": tags.get("throughline.params_hash", UNKNOWN)}
    for run in chain:
        parameters |= run.data.params
    data = {name: digest for run in chain for name, digest in _tagged(run, INPUT).items()}
    code = {_stage(run): _code(run) for run in chain}
    return Trace(what, facts, parameters, data, code, _machine(chain))


def _chain(tracking_uri: str, run_id: str) -> list[Any]:
    """A run with all that are upstream of it, the first stage first; runs that are gone are left out."""
    found: dict[str, Any] = {}
    waiting = [run_id]
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        try:
            found[name] = client(tracking_uri).get_run(name)
        except MlflowException:
            continue
        waiting += _tagged(found[name], UPSTREAM).values()
    return sorted(found.values(), key=lambda run: (run.info.run_id == run_id, run.info.start_time))


def _tagged(run: Any, prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): value for key, value in run.data.tags.items() if key.startswith(prefix)}


def _stage(run: Any) -> str:
    return str(run.data.tags.get("throughline.stage", run.info.run_name))


def _code(run: Any) -> str:
    tags = run.data.tags
    return str(tags.get("throughline.code") or f"{UNKNOWN}; of commit {tags.get('throughline.git_commit', 'unknown')}")


def _machine(chain: Sequence[Any]) -> dict[str, str]:
    """The kind of machine; where stages ran on several kinds, that of each."""
    kinds = {_stage(run): json.loads(run.data.tags.get("throughline.machine", "{}")) for run in chain}
    values = list(kinds.values())
    if all(item == values[0] for item in values):
        return dict(values[0])
    return {f"{stage}: {key}": value for stage, kind in kinds.items() for key, value in (kind or {"all": UNKNOWN}).items()}
