"""Fine-tune the pretrained network on video (frames, pairs or clips, as the system asks), and register the result."""

from __future__ import annotations

from pathlib import Path

from pipeline.params.sections import Params
from stages import Context, Record, run
from stages.pretrain import trained_on


def finetune(context: Context) -> None:
    """Train on data/samples/video from artifacts/pretrain, publish artifacts/finetune and register it with alias `latest`."""
    from pipeline.artifacts.publication import read_manifest
    from pipeline.artifacts.store import follow
    from pipeline.files.model_folder import WEIGHTS

    pretrained = context.artifacts / "pretrain"
    context.run.input(read_manifest(pretrained), "pretrain")
    with trained_on(context, "finetune", start=follow(pretrained) / WEIGHTS):
        register(context)


def is_registered(params: Params, root: Path) -> bool:
    """Whether the registry has the weights of artifacts/finetune."""
    from pipeline.artifacts.publication import read_manifest
    from pipeline.artifacts.store import follow
    from pipeline.files import model_folder
    from pipeline.registry import registry
    from pipeline.registry.address import tracking_uri

    folder = root / "artifacts" / "finetune"
    weights, name = read_manifest(folder).files[model_folder.WEIGHTS]["sha256"], model_folder.load_model(follow(folder)).name
    return registry.find_weights(tracking_uri(params.mlflow.tracking_uri, root), name, weights) is not None


def register(context: Context) -> None:
    """Register artifacts/finetune as a version of the model."""
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
    output = read_manifest(context.artifacts / "finetune").digest
    tags = {"throughline.fingerprint": context.fingerprint, "throughline.output": output, "throughline.samples": samples}
    example = np.zeros((1, 3, card.height, card.width), np.float32)
    with local(folder) as copy:
        registry.register(network.eval(), copy, example, name=card.name, tags=tags, run=context.run)


RECORD = Record(is_registered, register)

if __name__ == "__main__":
    run("finetune", finetune, RECORD)
