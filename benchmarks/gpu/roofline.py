"""Operations and bytes of a step, layer by layer, and the least time that a card needs for them (Williams et al. 2009, the roofline).

Two bounds: `eager`, where each operator reads its inputs and writes its outputs; and `fused`, where only convolutions, products and the
optimiser do, and whatever is done number by number between them costs nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count
from torch.utils.hooks import RemovableHandle

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
        """Add the costs of another layer to these."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def scaled(self, factor: float) -> Layer:
        """The costs for a batch `factor` times as large; bytes of weights, a few per cent of all, are scaled along."""
        values = {name: value * factor for name, value in vars(self).items()}
        return Layer(**values | {"operators": self.operators})


class Counter(TorchDispatchMode):
    """Counts what operators cost while it is entered, by the innermost module that they belong to.

    An operator of the backward pass belongs to the module whose forward made the node of the graph that runs it: nodes are numbered in the
    order in which they are made.

    Args:
        card: whose bounds are added up.
        half: count float32 as two bytes, as if all were computed in bfloat16; for counting on a machine that computes in float32.

    Attributes:
        layers: by name of the module, such as `network.backbone.base.level2`; `step` holds what is in none.
    """

    def __init__(self, card: Card, *, half: bool = False) -> None:
        super().__init__()
        self.card, self.half, self.layers = card, half, dict[str, Layer]()
        self._open, self._names, self._handles = list[str](), dict[int, str](), list[RemovableHandle]()
        self._nodes, self._owners = list[int](), list[str]()

    def __enter__(self) -> Counter:
        self._handles = [
            register_module_forward_pre_hook(self._begin),
            register_module_forward_hook(lambda *_: self._end(), always_call=True),
        ]
        super().__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        for handle in self._handles:
            handle.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        where = self._where()
        result = func(*args, **(kwargs or {}))
        space, name = func._schema.name.split("::")
        if not func.is_view and space != "prim" and name not in _FREE:
            self._count(where, func, args, kwargs or {}, result)
        return result

    def _count(self, where: str, func: Any, args: Any, kwargs: Mapping[str, Any], result: Any) -> None:
        moved = float(sum(map(self._bytes, tensors([args, kwargs, result]))))
        formula: Callable[..., int] | None = flop_registry.get(func.overloadpacket) or _ON_CPU.get(func.overloadpacket)
        operations = 0.0 if formula is None else float(formula(*args, **kwargs, out_val=result))
        known = operations > 0
        bound = self.card.bound(operations, moved)
        layer = Layer(operations, moved if known else 0.0, 0.0 if known else moved, bound, bound if known else 0.0, 1)
        self.layers.setdefault(where, Layer()).add(layer)

    def _where(self) -> str:
        node = torch._C._current_autograd_node()
        if node is None:
            self._nodes.append(torch.autograd._get_sequence_nr() - 1)  # of the node that the operator has just got, if it got one
            self._owners.append(self._open[-1] if self._open else "")
            return self._owners[-1] or "step"
        place = bisect_right(self._nodes, node._sequence_nr()) - 1
        return (self._owners[place] if place >= 0 else "") or "step"

    def _begin(self, module: nn.Module, _: Any) -> None:
        if not self._open:
            self._names |= {id(each): name for name, each in module.named_modules()}
        self._open.append(self._names.get(id(module), ""))

    def _end(self) -> None:
        self._open.pop()

    def _bytes(self, tensor: Tensor) -> int:
        narrow = self.half and tensor.dtype == torch.float32
        held = math.prod(size for size, step in zip(tensor.shape, tensor.stride(), strict=True) if step)  # what is expanded counts once
        return held * (2 if narrow else tensor.element_size())


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, out_val: Any = None, **__: Any) -> int:
    return sdpa_flop_count(query.shape, key.shape, value.shape)


def _attention_backward(gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any, out_val: Any = None, **__: Any) -> int:
    return sdpa_backward_flop_count(gradient.shape, query.shape, key.shape, value.shape)


# What PyTorch counts for other devices alone.
_ON_CPU: dict[Any, Callable[..., int]] = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}


def tensors(tree: Any) -> list[Tensor]:
    """The tensors of nested arguments, each memory once."""
    found = {(_place(leaf), leaf.numel()): leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)}
    return list(found.values())


def _place(tensor: Tensor) -> int:
    """What identifies a tensor's memory: its address, or the object itself where it has no values."""
    return id(tensor) if isinstance(tensor, FakeTensor) else tensor.data_ptr() or id(tensor)


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
    """The sum of layers."""
    whole = Layer()
    for layer in layers:
        whole.add(layer)
    return whole


def grouped(layers: Mapping[str, Layer], depth: int = 3) -> dict[str, Layer]:
    """Layers by the first words of their names within the network, in the order of first use."""
    found: dict[str, Layer] = {}
    for name, layer in layers.items():
        found.setdefault(".".join(name.removeprefix("network.").split(".")[:depth]), Layer()).add(layer)
    return found


def rows(layers: Mapping[str, Layer], card: Card) -> list[dict[str, Any]]:
    """One row per layer as plain data; `bounded` says whether arithmetic or memory bounds the layer's products."""
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
