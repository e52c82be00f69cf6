"""What reads regions: class and box, an embedding, a mask. Every head takes (R, C, s, s) features, R may be 0."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class BoxHead(nn.Module):
    """Two fully connected layers, then classes and class-wise deltas (Lin et al. 2017).

    Args:
        channels: of the regions' features.
        size: cells along a side of them.
        width: of the fully connected layers.
        classes: that are told apart, without background.
    """

    def __init__(self, channels: int, size: int, width: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.first = nn.Linear(channels * size * size, width)
        self.second = nn.Linear(width, width)
        self.classify = nn.Linear(width, classes + 1)
        self.regress = nn.Linear(width, 4 * classes)
        for layer, deviation in ((self.classify, 0.01), (self.regress, 0.001)):
            nn.init.normal_(layer.weight, std=deviation)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits (R, classes + 1), the last of background, and deltas (R, classes, 4)."""
        hidden = functional.relu(self.first(features.flatten(1)), inplace=True)
        hidden = functional.relu(self.second(hidden), inplace=True)
        return self.classify(hidden), self.regress(hidden).view(len(hidden), self.classes, 4)


class EmbeddingHead(nn.Module):
    """Convolutions with group normalisation, one fully connected layer and the embedding: QDTrack's 4conv-1fc head.

    Embeddings are not normalised: the length is a part of what the losses and bi-directional softmax compare.

    Args:
        channels: of the regions' features.
        size: cells along a side of them.
        convolutions: 3x3 ones (paper: 4).
        hidden: their channels (paper: 256).
        width: of the fully connected layer (paper: 1024).
        embedding: dimensions (paper: 256).
    """

    def __init__(self, channels: int, size: int, convolutions: int, hidden: int, width: int, embedding: int) -> None:
        super().__init__()
        inputs = [channels, *[hidden] * convolutions][:convolutions]
        self.convolutions = nn.ModuleList([nn.Conv2d(each, hidden, 3, padding=1, bias=False) for each in inputs])
        groups = max(n for n in range(1, 33) if hidden % n == 0)
        self.norms = nn.ModuleList([nn.GroupNorm(groups, hidden) for _ in inputs])
        self.dense = nn.Linear((hidden if convolutions else channels) * size * size, width)
        self.embed = nn.Linear(width, embedding)
        nn.init.normal_(self.embed.weight, std=0.01)
        nn.init.zeros_(self.embed.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Returns embeddings (R, D), of the features' precision or that of the surrounding autocast."""
        # All contiguous on a CPU: through channels-last bfloat16 maps group normalisation takes ten times as long, and where the order of
        # memory changes on the way, activations do. A channels-last kernel would make the results channels-last.
        x = features.contiguous()
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(functional.conv2d(x, cast(Tensor, convolution.weight).contiguous(), padding=1)), inplace=True)
        embedded: Tensor = self.embed(functional.relu(self.dense(x.flatten(1)), inplace=True))
        return embedded


class MaskHead(nn.Module):
    """Four convolutions, one that doubles the side, and a mask for each class (He et al. 2017).

    Args:
        channels: of the regions' features.
        hidden: of the convolutions (paper: 256).
        classes: that have a mask each.
    """

    def __init__(self, channels: int, hidden: int, classes: int) -> None:
        super().__init__()
        inputs = (channels, hidden, hidden, hidden)
        self.convolutions = nn.ModuleList([nn.Conv2d(each, hidden, 3, padding=1) for each in inputs])
        self.enlarge = nn.ConvTranspose2d(hidden, hidden, 2, 2)
        self.classify = nn.Conv2d(hidden, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Returns logits (R, classes, 2 s, 2 s) of features (R, C, s, s)."""
        x = features
        for convolution in self.convolutions:
            x = functional.relu(convolution(x), inplace=True)
        logits: Tensor = self.classify(functional.relu(self.enlarge(x), inplace=True))
        return logits


def touch(module: nn.Module) -> Tensor:
    """A scalar 0 whose gradient is 0 for every parameter, since data-parallel training waits for all of them."""
    total = torch.zeros(())
    for parameter in module.parameters():
        total = total.to(parameter.device) + 0.0 * parameter.float().sum()
    return total
