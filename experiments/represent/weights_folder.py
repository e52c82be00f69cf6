"""Folders that hold the weights of a foreign network: which file is meant, and whether the network is the one that an entry names.

A config.json beside the weights is that of Hugging Face's hub: of transformers (`model_type`), or of timm (`architecture`). What it says of
the network and of its input must agree with the entry, since weights of a network that differs in a stride alone load without an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.unitrack.options import RepresentationOptions
from pipeline.errors import UserError

PREFERRED = (
    "model.safetensors",
    "weights.safetensors",
    "pytorch_model.bin",
)  # of transformers and timm, of this repository, of transformers
SAFE, PICKLED = (".safetensors",), (".pth", ".pt", ".bin", ".tar", ".ckpt")
CONFIG, INPUT = "config.json", "preprocessor_config.json"
_SHARED = {
    "model_type": "resnet", "num_channels": 3, "embedding_size": 64, "hidden_act": "relu", "downsample_in_first_stage": False,
    "downsample_in_bottleneck": False,
}  # fmt: skip
# What ResNetConfig says of networks that are known here, by timm's names; what a file leaves out has the class's default, ResNet-50's.
NETWORKS: dict[str, dict[str, object]] = {
    "resnet18": _SHARED | {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]},
    "resnet50": _SHARED | {"layer_type": "bottleneck", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048]},
}
NEAR = 1e-3  # largest difference of two means or deviations that count as equal


def weights_file(folder: Path) -> Path:
    """The file of a folder's weights: one of `PREFERRED`, or else the only one; safetensors go before what PyTorch pickled.

    Raises:
        UserError: there is none, or there are several.
    """
    for name in PREFERRED:
        if (folder / name).is_file():
            return folder / name
    for suffixes in (SAFE, PICKLED):
        found = sorted(path for path in folder.iterdir() if path.suffix in suffixes and path.is_file())
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise UserError(f"{folder}: any of {names} may be meant\nnext: set the entry's weights to one of these files")
    raise UserError(
        f"{folder}: holds no weights (no file that ends in {', '.join((*SAFE, *PICKLED))})\nnext: put the weights there, or name another"
    )


def check(folder: Path, options: RepresentationOptions) -> None:
    """Compare what a folder tells of its network with the options of an entry; a folder without config.json tells nothing.

    Raises:
        UserError: it is another network, one with other strides, or one whose input has another mean or deviation.
    """
    path = folder / CONFIG
    if not path.is_file():
        return
    stated = _read(path)
    timm = "architecture" in stated
    if timm:
        where, seen = path, stated.get("pretrained_cfg") or {}
        wanted: Mapping[str, object] = {"architecture": options.network if options.network in NETWORKS else None}
    else:
        where = folder / INPUT
        seen = _read(where) if where.is_file() else {}
        wanted = NETWORKS.get(options.network, {"model_type": None})
    found = {key: stated.get(key, NETWORKS["resnet50"].get(key)) for key in wanted}
    differing = [f"{key} is {found[key]}" for key, value in wanted.items() if found[key] != value]
    if differing:
        raise UserError(
            f"{path}: not the {options.network} that is known here ({', '.join(differing)})\n"
            f"next: name a folder of a network that is ({', '.join(NETWORKS)}), or the file in it alone, which is compared with nothing"
        )
    kind = "" if timm else "image_"
    for name, theirs, ours in (("mean", seen.get(f"{kind}mean"), options.mean), ("deviation", seen.get(f"{kind}std"), options.deviation)):
        if theirs is not None and not np.allclose(theirs, ours, rtol=0, atol=NEAR):
            raise UserError(f"{where}: the {name} of the network's input is {theirs}\nnext: set the entry's network.{name} to it")


def _read(path: Path) -> dict[str, Any]:
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})\nnext: copy it anew from where the network was published") from None
    if not isinstance(stated, dict):
        raise UserError(f"{path}: holds no settings of a network\nnext: copy it anew from where the network was published")
    return stated
