"""Fine-tune the pretrained network on video pairs, and register the result."""

from __future__ import annotations

from stages import Context, run
from stages.pretrain import trained_on


def finetune(context: Context) -> None:
    """Train on data/samples/video from artifacts/pretrain, publish artifacts/finetune and register it with alias `latest`."""
    from pipeline.artifacts.publication import read_manifest
    from pipeline.artifacts.store import follow
    from pipeline.files.model_folder import WEIGHTS

    pretrained = context.artifacts / "pretrain"
    context.run.input(read_manifest(pretrained), "pretrain")
    with trained_on(context, "finetune", start=follow(pretrained) / WEIGHTS) as manifest:
        _register(context, manifest.digest)


def _register(context: Context, digest: str) -> None:
    import numpy as np

    from pipeline.artifacts.publication import read_manifest
    from pipeline.artifacts.store import follow, local
    from pipeline.files import model_folder
    from pipeline.registry import registry

    folder = follow(context.artifacts / "finetune")
    card = model_folder.load_model(folder)
    network = context.spec.build_network(context.options)
    model_folder.load(network, folder / model_folder.WEIGHTS)
    samples = read_manifest(context.data / "samples").digest
    tags = {"throughline.fingerprint": context.fingerprint, "throughline.output": digest, "throughline.samples": samples}
    example = np.zeros((1, 3, card.height, card.width), np.float32)
    with local(folder) as copy:
        registry.register(network.eval(), copy, example, name=card.name, tags=tags, run=context.run)


if __name__ == "__main__":
    run("finetune", finetune)
