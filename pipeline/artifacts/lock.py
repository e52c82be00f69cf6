"""Whether what a run made equals what the committed dvc.lock says, output by output, and what else differs where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.runtime import git

Lock = Mapping[str, Any]  # the `stages` of a dvc.lock
# Of equal parameters, code and inputs these still differ from run to run.
_VARYING = "times and names of runs, or another kind of processor, which rounds otherwise"


def committed(root: Path) -> Lock | None:
    """The dvc.lock of the last commit; None where there is no commit, no git or no such file."""
    text = git.said(root, "show", "HEAD:./dvc.lock")
    return None if text is None else _stages(text)


def current(root: Path) -> Lock | None:
    """The dvc.lock that lies in the repository; None where there is none."""
    path = root / "dvc.lock"
    return _stages(path.read_text()) if path.is_file() else None


def compared(before: Lock, now: Lock) -> list[str]:
    """What to say: which outputs of `now` are equal to those of `before`, and of each other one why it may differ.

    Returns:
        Lines; the first counts, each further one names outputs with one reason.
    """
    outs = {path: (stage, digest) for stage, entry in now.items() for path, digest in _digests(entry, "outs").items()}
    reasons: dict[str, list[str]] = {}
    for path, (stage, digest) in outs.items():
        reason = _why_other(before.get(stage), now[stage], path, digest)
        if reason is not None:
            reasons.setdefault(reason, []).append(path)
    equal = len(outs) - sum(map(len, reasons.values()))
    lines = [f"{equal} of {len(outs)} outputs equal those of the committed dvc.lock"]
    return lines + [f"  {reason}: {', '.join(paths)}" for reason, paths in reasons.items()]


def _why_other(before: Any, now: Any, path: str, digest: str) -> str | None:
    """Why an output may differ; None where it is equal."""
    if before is None or path not in _digests(before, "outs"):
        return "not in the committed one"
    if _digests(before, "outs")[path] == digest:
        return None
    if before.get("params") != now.get("params"):
        return "of other parameters"
    if _digests(before, "deps") != _digests(now, "deps"):
        return "of other code or inputs"
    return f"other bytes of the same parameters, code and inputs ({_VARYING})"


def _digests(entry: Any, kind: str) -> dict[str, str]:
    return {item["path"]: str(item.get("md5")) for item in entry.get(kind, [])}


def _stages(text: str) -> Lock:
    found: Lock = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
    return found
