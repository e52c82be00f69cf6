"""Operations and bytes of a step, layer by layer, and the least time that a card needs for them (Williams et al. 2009, the roofline).

Two bounds: `eager`, where each operator reads its inputs and writes its outputs; and `fused`, where only convolutions, products and the
optimiser do, and whatever is done number by number between them costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.module_tracker import ModuleTracker

from benchmarks.gpu.card import Card
from benchmarks.gpu.step import Step

_FREE = {"empty", "empty_like", "new_empty", "new_empty_strided", "empty_strided", "detach", "_unsafe_view", "lift_fresh", "resize_"}


@dataclass
class Layer:
    """What one layer costs, forward and backward.

    Attributes:
        operations: floating-point operations of convolutions and products (a multiplication and an addition are two).
        product_bytes: bytes that these read and write.
        other_bytes: bytes of all other operators.
        eager: least seconds, operator by operator.
        fused: least seconds of convolutions and products alone.
        operators: how many were called.
    """

    operations: float = 0.0
    product_bytes: float = 0.0
    other_bytes: float = 0.0
    eager: float = 0.0
    fused: float = 0.0
    operators: int = 0

    def add(self, other: Layer) -> None:
        """Count another one's in."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def scaled(self, factor: float) -> Layer:
        """The same for a batch of another size; kernels' own bytes, a few per cent, are scaled along."""
        values = {name: value * factor for name, value in vars(self).items()}
        return Layer(**values | {"operators": self.operators})


class Counter(TorchDispatchMode):
    """Counts what operators cost while it is entered, by the innermost module that they belong to.

    Args:
        card: whose bounds are added up.
        half: count float32 as two bytes, as if all were computed in bfloat16; for counting on a machine that computes in float32.

    Attributes:
        layers: by name of the module, such as `network.backbone.base.level2`; `step` holds what is in none.
    """

    def __init__(self, card: Card, *, half: bool = False) -> None:
        super().__init__()
        self.card, self.half, self.layers = card, half, dict[str, Layer]()
        self._modules = ModuleTracker()

    def __enter__(self) -> Counter:
        self._modules.__enter__()  # type: ignore[no-untyped-call]
        super().__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        self._modules.__exit__(kind, error, trace)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view and func._schema.name.split("::")[1] not in _FREE:
            self._count(func, args, kwargs or {}, result)
        return result

    def _count(self, func: Any, args: Any, kwargs: Mapping[str, Any], result: Any) -> None:
        moved = float(sum(map(self._bytes, tensors([args, kwargs, result]))))
        formula = flop_registry.get(func.overloadpacket)
        operations = 0.0 if formula is None else float(formula(*args, **kwargs, out_val=result))
        known = operations > 0
        bound = self.card.bound(operations, moved)
        layer = Layer(operations, moved if known else 0.0, 0.0 if known else moved, bound, bound if known else 0.0, 1)
        self.layers.setdefault(self._where(), Layer()).add(layer)

    def _where(self) -> str:
        inner = max((name for name in self._modules.parents if name != "Global"), key=len, default="")
        return ".".join(inner.split(".")[1:]) or "step"

    def _bytes(self, tensor: Tensor) -> int:
        narrow = self.half and tensor.dtype == torch.float32
        return tensor.numel() * (2 if narrow else tensor.element_size())


def tensors(tree: Any) -> list[Tensor]:
    """The tensors of nested arguments, each memory once."""
    found = {(leaf.data_ptr() or id(leaf), leaf.numel()): leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)}
    return list(found.values())


def count(step: Step, card: Card, *, half: bool = False) -> dict[str, Layer]:
    """Costs of one step by layer; the optimiser's under `optimiser`, of float32 whatever `half` says."""
    with Counter(card, half=half) as counter:
        losses = step.forward()
        step.task.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
    with Counter(card) as moving:
        step.move()
    optimiser = total(moving.layers.values())
    optimiser.fused = optimiser.eager
    return {**counter.layers, "optimiser": optimiser}


def total(layers: Iterable[Layer]) -> Layer:
    """All together."""
    whole = Layer()
    for layer in layers:
        whole.add(layer)
    return whole


def grouped(layers: Mapping[str, Layer], depth: int = 3) -> dict[str, Layer]:
    """Layers by the first words of their names, in the order of first use."""
    found: dict[str, Layer] = {}
    for name, layer in layers.items():
        found.setdefault(".".join(name.split(".")[:depth]), Layer()).add(layer)
    return found


def rows(layers: Mapping[str, Layer], card: Card) -> list[dict[str, Any]]:
    """A table for the JSON; `bounded` says by what the products of a layer are."""
    found = []
    for name, layer in layers.items():
        intensity = layer.operations / layer.product_bytes if layer.product_bytes else 0.0
        found.append(
            {"layer": name, **vars(layer), "intensity": intensity, "bounded": "arithmetic" if intensity > card.ridge else "memory"}
        )
    return found


def is_whole(layers: Mapping[str, Layer]) -> bool:
    """Whether all numbers are finite and something was counted."""
    everything = total(layers.values())
    return everything.operations > 0 and all(math.isfinite(value) for value in vars(everything).values())
