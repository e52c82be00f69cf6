"""What FDTA minimises: detection, depth, the contrastive loss of the identity adapter, and identities as a classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from models.dense.heads import at_cells
from models.dense.losses import focal_loss, l1_loss
from models.fdta.depth_loss import depth_loss
from models.fdta.id_decoder import Present
from models.fdta.identity import IdentityAdapter, contrastive_loss, spans
from models.fdta.network import FdtaNetwork, FdtaOutputs
from models.fdta.observations import Looked, Observations, histories, observe
from models.fdta.options import FdtaOptions, FdtaTraining
from models.queries.set_matching import Weights, match, set_losses
from pipeline.contract.clips import Batch, Losses, to_float
from pipeline.contract.spec import TrainingSettings

Terms = dict[str, Tensor]


class FdtaTask(nn.Module):
    """Network and loss of a training step.

    total = detection + depth_weight depth + identity_weight contrastive + id_weight identity, and, where queries start at centres,
    + heat_weight (heat map + sides_weight sides + offset). Detection and depth are sums over the frames that are run with gradients,
    divided by the boxes of all frames. On stills there are no trajectories, and neither contrastive nor identity loss.

    Args:
        network: from `build_network`.
        options: the whole `model` section.

    Attributes:
        identity: the identity adapter; part of the training state, not of the published network. None where its weight is 0.
        epoch: set by `begin_epoch`; the contrastive loss waits for `identity_from_epoch`.
    """

    def __init__(self, network: FdtaNetwork, options: FdtaOptions) -> None:
        super().__init__()
        self.network, self.options, self.epoch = network, options, 0
        adapted = options.loss.identity_weight > 0
        self.identity = IdentityAdapter(options.network.width, options.network.identity_hidden) if adapted else None
        loss = options.loss
        self.weights = Weights(loss.score_weight, loss.box_weight, loss.giou_weight)

    def begin_epoch(self, epoch: int) -> None:
        """Note which epoch begins, counted from 0."""
        self.epoch = epoch

    def forward(self, batch: Batch) -> Losses:
        """The losses of B clips.

        Args:
            batch: images (B, T, 3, H, W) uint8, and targets as models/fdta/targets.py lists them.
        """
        targets = batch.targets
        learning = targets["gradients"].flatten()
        learnt, looked = self._look(batch.images.flatten(0, 1), learning)
        matched = self._match(looked, {name: targets[name].flatten(0, 1) for name in ("boxes", "valid")})
        observed = answers = None
        if "answers" in targets:
            observed = observe(looked, targets["boxes"], matched, targets["people"], targets["labels"].shape[2])
            answers = self._ask(observed, targets)
        with torch.autocast(batch.images.device.type, enabled=False):
            terms = self._detection_terms(learnt, targets, matched[learning])
            if observed is not None and answers is not None:
                terms |= self._trajectory_terms(observed, answers, targets)
            return self._weighted(terms)

    def _look(self, images: Tensor, learning: Tensor) -> tuple[FdtaOutputs | None, Looked]:
        """The outputs of the frames with gradients, None if there are none, and what the last layer says of all frames, in order."""
        rows, others = torch.nonzero(learning)[:, 0], torch.nonzero(~learning)[:, 0]
        with torch.no_grad():
            chunks = [_last(self.network(to_float(images[part]))) for part in others.split(self.options.loss.chunk_frames) if len(part)]
        learnt = self._with_gradients(images[rows]) if len(rows) else None
        parts = ([_last(learnt)] if learnt is not None else []) + chunks
        back = torch.cat([rows, others]).argsort()
        return learnt, Looked(*(torch.cat(pieces)[back] for pieces in zip(*parts, strict=True)))

    def _with_gradients(self, images: Tensor) -> FdtaOutputs:
        kept = self.options.loss.checkpoint_frames
        if not kept or kept >= len(images):
            return cast(FdtaOutputs, self.network(to_float(images)))
        parts = [checkpoint(self.network, to_float(part), use_reentrant=False) for part in images.split(kept)]
        return FdtaOutputs._make(None if pieces[0] is None else torch.cat(pieces) for pieces in zip(*parts, strict=True))

    def _match(self, looked: Looked, truth: Terms) -> Tensor:
        return match(looked.logits, looked.boxes, truth["boxes"], truth["valid"], self.weights)

    def _ask(self, observed: Observations, targets: Terms) -> Tensor:
        """Logits (B, G, T - 1, N, V + 1) of the frames after the first."""
        clips, groups, frames, _ = targets["answers"].shape
        past, seen = histories(observed, targets["past"])
        times = torch.arange(frames, device=past.device).expand(clips * groups, -1)
        objects = observed.queries[:, None, 1:].expand(-1, groups, -1, -1, -1)
        present = Present(objects.flatten(0, 1), times[:, 1:], targets["answers"][:, :, 1:].flatten(0, 1) >= 0)
        labels = targets["labels"].clamp(min=0).flatten(0, 1)
        logits: Tensor = self.network.association(past.flatten(0, 1), seen.flatten(0, 1), labels, times, present)
        return logits.unflatten(0, (clips, groups)).float()

    def _detection_terms(self, learnt: FdtaOutputs | None, targets: Terms, matched: Tensor) -> Terms:
        """Losses of the frames with gradients, to whose last layer `matched` belongs; all of them 0 where there are no such frames."""
        boxes = over_ranks(targets["valid"].sum().float())
        if learnt is None:
            nothing = boxes.new_zeros(())
            return {"score": nothing, "box": nothing, "giou": nothing, "auxiliary": nothing}
        learning = targets["gradients"].flatten()
        truth = {name: x.flatten(0, 1)[learning] for name, x in targets.items() if name not in ("labels", "past", "answers")}
        last = set_losses(*_layers(learnt, slice(-1, None)), truth["boxes"], truth["valid"], matched)
        terms = {name: value / boxes for name, value in zip(("score", "box", "giou"), last, strict=True)}
        terms["auxiliary"] = self._auxiliary(learnt, truth) / boxes
        if learnt.depth is not None:
            terms["depth"] = self._depth(learnt.depth.float(), truth) / boxes
        if learnt.heatmap is not None:
            terms |= _heat_terms(learnt, truth)
        return terms

    def _auxiliary(self, learnt: FdtaOutputs, truth: Terms) -> Tensor:
        """The weighted losses of all layers but the last, each matched by itself."""
        count = learnt.logits.shape[1] - 1
        if count == 0:
            return learnt.boxes.new_zeros(())
        looked = Looked(*_layers(learnt, slice(0, count)), learnt.queries)
        repeated = {name: truth[name].repeat_interleave(count, 0) for name in ("boxes", "valid")}
        matched = self._match(looked, repeated)
        return set_losses(looked.logits, looked.boxes, repeated["boxes"], repeated["valid"], matched).weighted(self.weights)

    def _depth(self, logits: Tensor, truth: Terms) -> Tensor:
        network, loss = self.options.network, self.options.loss
        limits = (network.depth_min, network.depth_max)
        zero = loss.depth_zero == "background"
        return depth_loss(logits, truth["depth"], truth["foreground"], limits, loss.depth_foreground_weight, zero_is_background=zero)

    def _trajectory_terms(self, observed: Observations, answers: Tensor | None, targets: Terms) -> Terms:
        if answers is None:
            return {}
        expected = targets["answers"][:, :, 1:]
        terms = identity_terms(answers, expected, self.options.loss.newborn_weight)
        if self.identity is not None:
            waits = self.epoch < self.options.loss.identity_from_epoch
            terms["contrastive"] = answers.new_zeros(()) if waits else self._contrastive(observed)
        return terms

    def _contrastive(self, observed: Observations) -> Tensor:
        """Mean over clips; the parts of a clip are added, as released."""
        assert self.identity is not None
        loss, total = self.options.loss, observed.overlap.new_zeros(())
        clips, frames, columns = observed.seen.shape
        embeddings = self.identity(observed.queries.float())
        well = observed.seen & (observed.overlap >= loss.identity_overlap)
        names = torch.arange(columns, device=well.device).expand(clips, frames, -1)
        weights = observed.overlap if loss.identity_weighted else torch.ones_like(observed.overlap)
        for clip in range(clips):
            for part in spans(frames, loss.identity_scope):
                chosen = well[clip, part]
                own, who, weight = (x[clip, part][chosen] for x in (embeddings, names, weights))
                total = total + contrastive_loss(own, who, weight, loss.identity_temperature)
        return total / clips

    def _weighted(self, terms: Terms) -> Losses:
        loss = self.options.loss
        detection = sum((getattr(self.weights, name) * terms[name] for name in ("score", "box", "giou")), terms["auxiliary"])
        total = detection
        for name, weight in (("depth", loss.depth_weight), ("contrastive", loss.identity_weight), ("identity", loss.id_weight)):
            if name in terms:
                total = total + weight * terms[name]
        if "heatmap" in terms:
            total = total + loss.heat_weight * (terms["heatmap"] + loss.sides_weight * terms["sides"] + terms["offset"])
        total = total + _touch(self)
        terms |= {"detection": detection, "total": total}
        return Losses(total, {name: value.detach().clone() for name, value in terms.items()})


def build_task(network: FdtaNetwork, options: FdtaOptions, settings: TrainingSettings[FdtaTraining], identities: int) -> FdtaTask:
    """The task that `Training.build_task` promises; the weight of identities is `model.loss.id_weight`, and labels need no count."""
    return FdtaTask(network, options)


def identity_terms(logits: Tensor, answers: Tensor, newborn_weight: float) -> Terms:
    """Cross-entropy over all objects that are asked, and how many are asked and right, known and newborn apart.

    Args:
        logits: (..., V + 1).
        answers: (...) int64, V for a newborn, -1: not asked.
        newborn_weight: of newborn objects.
    """
    flat, expected = logits.flatten(0, -2), answers.flatten()
    asked, newborn = expected >= 0, expected == logits.shape[-1] - 1
    weights = torch.where(newborn, newborn_weight, 1.0) * asked
    losses = functional.cross_entropy(flat, expected.clamp(min=0), reduction="none")
    right = (flat.argmax(1) == expected) & asked
    terms = {"identity": (losses * weights).sum() / over_ranks(weights.sum())}
    for name, kind in (("known", asked & ~newborn), ("newborn", newborn)):
        terms |= {f"{name}_asked": kind.sum().float(), f"{name}_right": (right & kind).sum().float()}
    return terms


def over_ranks(count: Tensor) -> Tensor:
    """The mean of a count over the ranks of a training, at least 1.

    Losses are divided by it, because gradients are averaged over ranks. In a distributed run `count` itself is changed in place.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(count)
        count = count / torch.distributed.get_world_size()
    return count.clamp(min=1)


def _last(outputs: FdtaOutputs) -> Looked:
    return Looked(outputs.logits[:, -1], outputs.boxes[:, -1], outputs.queries)


def _layers(outputs: FdtaOutputs, layers: slice) -> tuple[Tensor, Tensor]:
    """Logits and boxes of some layers as those of as many images."""
    return outputs.logits[:, layers].flatten(0, 1).float(), outputs.boxes[:, layers].flatten(0, 1).float()


def _heat_terms(learnt: FdtaOutputs, truth: Terms) -> Terms:
    """Losses of heat map, sides and offsets, as of FairMOT's detector."""
    heatmap, sides, offset = (cast(Tensor, x).float() for x in (learnt.heatmap, learnt.sides, learnt.offset))
    return {
        "heatmap": focal_loss(heatmap, truth["heatmap"], truth["background"]),
        "sides": l1_loss(at_cells(sides, truth["cells"]), truth["sides"], truth["valid"]),
        "offset": l1_loss(at_cells(offset, truth["cells"]), truth["offset"], truth["valid"]),
    }


def _touch(task: nn.Module) -> Tensor:
    """A zero through which every parameter gets a gradient, as data-parallel training waits for all of them."""
    learnt: Sequence[nn.Parameter] = [parameter for parameter in task.parameters() if parameter.requires_grad]
    return 0.0 * torch.stack([parameter.sum() for parameter in learnt]).sum()
