"""Pretrain the network on stills, each of which is its own partner, augmented twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.params import Training
from pipeline.publish import Manifest, read_manifest
from stages import Context, run


def pretrain(context: Context) -> None:
    """Train on data/samples/stills and publish artifacts/pretrain."""
    with trained_on(context, context.params.pretrain, "stills"):
        pass


@contextmanager
def trained_on(context: Context, settings: Training, samples: str, start: Path | None = None) -> Iterator[Manifest]:
    """Train the model of the parameter file on a sample set and publish artifacts/<stage> (see `training.trained`).

    Args:
        context: of the stage.
        settings: the stage's section; its `weights` go before `start`.
        samples: folder of data/samples.
        start: weights to begin with where the section names none.
    """
    from pipeline.loader import Feed
    from pipeline.training import trained

    packed = context.params.pack_samples
    context.run.input(read_manifest(context.data / "samples"), "samples")
    feed = Feed(
        spec=context.spec,
        options=context.options,
        settings=settings,
        folder=context.data / "samples" / samples,
        seed=context.params.base.seed,
        width=packed.width,
        height=packed.height,
        depth_stride=packed.depth_stride,
    )
    with trained(
        feed,
        start if settings.weights is None else context.root / settings.weights,
        publication=context.publication(context.artifacts / context.stage),
        run=context.run,
        cluster=context.params.cluster,
        root=context.root,
    ) as manifest:
        context.run.output(manifest)
        yield manifest


if __name__ == "__main__":
    run("pretrain", pretrain)
