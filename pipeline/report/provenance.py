"""Where everything on the page came from: code, parameters, data, runs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from pipeline.artifacts.publication import Manifest
from pipeline.registry.runs import find_writer
from pipeline.report.tables import facts, rows

SHORT = 12  # characters of a digest that are shown


def provenance(state: Mapping[str, str], params_hash: str, folders: Mapping[str, Manifest], tracking_uri: str) -> str:
    """Tables of the state of the code and of every published folder with its digest and the MLflow run that wrote it.

    Args:
        state: git tags of the run (see `runs.git_state`).
        params_hash: digest of the parameter file.
        folders: published folders by name, in the pipeline's order.
        tracking_uri: MLflow store, asked for the runs.
    """
    origin = {
        "git commit": state.get("throughline.git_commit", "unknown"),
        "uncommitted changes": state.get("throughline.git_dirty", "unknown"),
        "parameters (SHA-256)": params_hash,
    }
    lines = [[name, *_described(manifest, tracking_uri)] for name, manifest in folders.items()]
    return facts(origin) + "<h3>Artefacts</h3>" + rows(["folder", "made by", "size", "digest", "MLflow run"], lines)


def parameters(text: str) -> str:
    """The parameter file, folded away."""
    return f"<details><summary>All parameters of this run</summary><pre>{escape(text)}</pre></details>"


def _described(manifest: Manifest, tracking_uri: str) -> list[str]:
    size = sum(entry["size"] for entry in manifest.files.values())
    return [manifest.stage, f"{size / 1e6:.1f} MB", manifest.digest[:SHORT], find_writer(tracking_uri, manifest) or "not in this store"]
