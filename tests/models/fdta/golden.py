"""The modules in miniature whose numbers are stored: every matrix has the flat element k = .3 sin(k + 1), biases 0, norms 1 and 0."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.fdta.id_decoder import IdDecoder
from models.fdta.temporal import TemporalAdapter, TrajectoryLayers

FRAMES, PEOPLE, WIDTH = 3, 2, 4
PRESENT = torch.tensor([[True, False, True], [True, True, True]])


def _waves(frames: int, people: int) -> Tensor:
    time, person, channel = torch.meshgrid(*[torch.arange(n).double() for n in (frames, people, WIDTH)], indexing="ij")
    return torch.cos(time + 2 * person + 0.5 * channel).transpose(0, 1)


OBSERVATIONS = torch.where(PRESENT[..., None], _waves(FRAMES, PEOPLE), 0.0)  # (2, 3, 4)


def miniature() -> tuple[TemporalAdapter, TrajectoryLayers, IdDecoder]:
    """In evaluation mode, float64."""
    temporal, layers, decoder = TemporalAdapter(4, 2, 8, 2, 0.1), TrajectoryLayers(4, 8), IdDecoder(4, 2, 16, 2, 3, 4)
    for module in (temporal, layers, decoder):
        fill(module.double().eval())
    return temporal, layers, decoder


@torch.no_grad()
def fill(module: nn.Module) -> None:
    """The stored weights; the time table is .1 k."""
    for name, parameter in module.named_parameters():
        flat = torch.arange(parameter.numel(), dtype=torch.float64)
        if "norm" in name:
            parameter.fill_(float(name.endswith("weight")))
        elif name.endswith("bias"):
            parameter.zero_()
        else:
            values = 0.1 * flat if name.endswith("rel_pos_embeds") else 0.3 * torch.sin(flat + 1)
            parameter.copy_(values.view_as(parameter))
