"""Pretrain the network on stills; for a system that learns from pairs, a still is its own partner, augmented once more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from pipeline.artifacts.publication import Manifest, read_manifest
from pipeline.artifacts.store import Place
from stages import Context, run


def pretrain(context: Context) -> None:
    """Train on data/samples/stills and publish artifacts/pretrain."""
    with trained_on(context, "pretrain"):
        pass


@contextmanager
def trained_on(context: Context, stage: Literal["pretrain", "finetune"], start: Place | None = None) -> Iterator[Manifest]:
    """Train the model of the parameter file and publish artifacts/<stage> (see `training.trained`).

    Args:
        context: of the stage.
        stage: whose section and sample set.
        start: weights to begin with where the section names none.
    """
    from pipeline.feeding.loader import build_feed
    from pipeline.training.fit import HISTORY, trained

    context.run.input(read_manifest(context.data / "samples"), "samples")
    feed = build_feed(context.params, context.options, context.spec, stage, context.data / "samples")
    weights = feed.settings.weights
    with trained(
        feed,
        start if weights is None else context.root / weights,
        publication=context.publication(context.artifacts / context.stage, shown=(HISTORY,)),  # which `dvc plots` draws
        run=context.run,
        cluster=context.params.cluster,
        root=context.root,
    ) as manifest:
        context.run.output(manifest)
        yield manifest


if __name__ == "__main__":
    run("pretrain", pretrain)
