"""Published weights under our names: Deformable DETR's, and MOTIP's, which hold such a detector below `detr.`.

Most names agree. What differs: the published transformer is one module of its own; refined boxes have their heads twice in the file,
once below the decoder; MOTIP lists the layer from embeddings to words once for each layer, though it is one; COCO has 91 class rows.
The released FDTA's names for its own adapters are not known here, so that its files fill what they share with MOTIP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

COCO_PERSON = 1  # row of the class heads
TWICE = ("transformer.decoder.bbox_embed.", "transformer.decoder.class_embed.")
WORDS = re.compile(r"id_decoder\.embed_to_word_layers\.\d+\.weight")


def adapt(tensors: Mapping[str, Tensor], class_row: int = COCO_PERSON) -> Mapping[str, Tensor]:
    """Tensors of a published file by our names; a file of our own is returned as it is.

    Args:
        tensors: by their names in the file.
        class_row: which row of class heads with several rows is the object's (COCO: 1 person, 15 bird).

    Returns:
        By the names of `FdtaNetwork`; what has no place there keeps its name, so that it is reported.
    """
    if not is_published(tensors):
        return tensors
    found = {}
    for name, tensor in tensors.items():
        ours = rename(name)
        if ours is not None:
            found[ours] = tensor[class_row : class_row + 1] if ".class_embed." in ours and len(tensor) > 1 else tensor
    return found


def is_published(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a file has the layout of Deformable DETR or MOTIP."""
    return any(name.removeprefix("detr.").startswith("transformer.") for name in tensors)


def rename(name: str) -> str | None:
    """Our name of a published tensor; None for one that is in the file twice."""
    if WORDS.fullmatch(name):
        return "association.id_decoder.embed_to_word.weight"
    if name.startswith(("id_decoder.", "trajectory_modeling.")):
        return f"association.{name}"
    plain = name.removeprefix("detr.")
    if plain.startswith(TWICE):
        return None
    if plain.startswith("backbone.0.body."):
        return f"detector.backbone.{plain.removeprefix('backbone.0.body.')}"
    if plain.startswith(("transformer.", "class_embed.", "bbox_embed.", "query_embed.", "input_proj.")):
        return f"detector.detr.{plain.removeprefix('transformer.')}"
    return name
