"""What a score is kept with, so that its numbers can be traced also where the run that measured them is gone."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts.fingerprint import code_of
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.registry.runs import git_state
from pipeline.runtime.machine import kind


def provenance(run_id: str, params: Params, root: Path) -> dict[str, str]:
    """Run, commit (with + where tracked files differed), digests of parameters and code, and the kind of this machine."""
    state = git_state(root)
    return {
        "run": run_id,
        "commit": state["throughline.git_commit"] + ("+" if state["throughline.git_dirty"] == "true" else ""),
        "parameters": digest(params),
        "code of track": code_of("track", params),
        "code of evaluate": code_of("evaluate", params),
        **{f"machine {name}": value for name, value in kind().items()},
    }
