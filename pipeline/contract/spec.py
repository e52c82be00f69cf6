"""A system, as the shared machinery knows it: a record of parts, each with functions of stated types. models/README.md explains them.

Loader, training loop, tracking and scoring know a system only through these. All functions stand at the top of a module, because a spec
is pickled to other processes. A system states only the parts and functions that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from pipeline.contract.clips import Needs, Samples, TrainingClip
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Answering, AskingTracker, Tracker, Video

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pipeline.contract.pictures import Pictures
    from pipeline.params.sections.training import Training as TrainingSection

Targets: TypeAlias = dict[str, NDArray[Any]]
# A system's own classes: of its options, which its functions name exactly, of its network, and of its part of a training section.
Options = TypeVar("Options", bound=BaseModel, contravariant=True)
Network = TypeVar("Network", bound="nn.Module", contravariant=True)
Own = TypeVar("Own", bound=BaseModel)  # what a system alone reads of a training section


class Group(NamedTuple):
    """How the optimiser treats a parameter.

    Attributes:
        rate: factor on the learning rate.
        decay: factor on the weight decay, which acts on matrices and kernels.
        decays_vectors: whether weight decay acts on biases, norms and scalars as well.
        clip: name of the clipping group; the gradients of all parameters with the same name are clipped together, to the norm `clip_norm`.
            None: they are never clipped.
    """

    rate: float = 1.0
    decay: float = 1.0
    decays_vectors: bool = False
    clip: str | None = "all"


@dataclass(frozen=True)
class TrainingSettings(Generic[Own]):
    """The section of a training stage, as a system sees it.

    Attributes:
        shared: the section, whose values mean the same to all systems.
        model: the system's own part of it, `<stage>.model`, checked by `Training.options`.
    """

    shared: TrainingSection
    model: Own

    @property
    def group(self) -> int:
        """Frames of a group, 1 where rows are shuffled one by one; for `Samples.group` of a system that knows groups."""
        return self.shared.group


class SamplesOf(Protocol[Options, Own]):
    """What a training sample of a stage is; read before any data is."""

    def __call__(self, options: Options, settings: TrainingSettings[Own], stage: str, /) -> Samples: ...


class BuildTask(Protocol[Options, Network, Own]):
    """A module that owns the network as `.network` and any learnable loss weights, and maps a `Batch` on its device to `Losses`.

    `identities` is how many different ones the sample set names, 0 for a system that may not see them. Every parameter must get a gradient
    in every step, from empty frames too. A method `begin_epoch(epoch)`, if there is one, is called before each epoch, counted from 0. What
    the task holds beside the network is trained, synchronised over workers and checkpointed, but not published.
    """

    def __call__(self, network: Network, options: Options, settings: TrainingSettings[Own], identities: int, /) -> nn.Module: ...


class MakeTargets(Protocol[Options]):
    """Arrays of one sample whose shapes follow from options and image size; runs in loader processes, draws from `clip.seed`."""

    def __call__(self, clip: TrainingClip, options: Options, /) -> Targets: ...


class Decode(Protocol[Options, Network]):
    """Detections for each image, in network input pixels, best first. `network` gave `outputs`: heads on regions are weights, not maps.

    Raises `NotFiniteError` where it meets what is not finite; whoever calls it knows which frame that is.
    """

    def __call__(self, network: Network, outputs: Any, options: Options, /) -> Sequence[Detections]: ...


class Describe(Protocol[Options, Network]):
    """Detections for each image at given boxes, in their order: from another detector, or from the ground truth.

    Boxes are (N, 4) float32 xyxy in network input pixels, scores (N,) float32, classes (N,) int64: one array of each per image.
    """

    def __call__(
        self,
        network: Network,
        outputs: Any,
        boxes: Sequence[NDArray[np.float32]],
        scores: Sequence[NDArray[np.float32]],
        classes: Sequence[NDArray[np.int64]],
        options: Options,
        /,
    ) -> Sequence[Detections]: ...


Remember: TypeAlias = Callable[["Tensor", Detections], "Tensor"]


def _no_needs(options: BaseModel) -> Needs:
    return Needs()


def _as_they_are(targets: dict[str, Tensor]) -> dict[str, Tensor]:
    return targets


def _one_group(name: str, options: BaseModel) -> Group:
    return Group()


def _no_names(options: BaseModel) -> tuple[str, ...]:
    return ()


def _no_masks(options: BaseModel) -> bool:
    return False


def _looks_at_one(options: BaseModel) -> Remember | None:
    return None


def _nothing(options: BaseModel) -> None:
    return None


def _refuses_nothing(options: BaseModel, settings: TrainingSettings[Own], stage: str, facts: SampleFacts) -> None:
    return None


class SampleFacts(NamedTuple):
    """What a sample set holds, for `Training.check`.

    Attributes:
        where: the sample set, for messages.
        shortest: frames of its shortest sequence; 1 for stills.
        longest: frames of its longest sequence; 1 for stills.
        identities: how many it names; 0 for a system that may not see them.
        depth: whether any sample has a depth map; False for a system that reads none.
        masks: whether any sample has masks.
        classes: the names of `pack_samples.classes`.
    """

    where: str
    shortest: int
    longest: int
    identities: int
    depth: bool
    masks: bool
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Training(Generic[Options, Network, Own]):
    """How a system is trained; a frozen system has none, and both training stages publish the given weights.

    Attributes:
        samples: what one training sample is.
        build_task: network, options, settings of the stage, number of identities -> the module that is trained.
        make_targets: sample, options -> its targets.
        options: pydantic class of what the system alone reads of a training section, `TRAINING_OPTIONS` of its options.py.
        needs: options -> what training reads of a sample.
        trim: targets of a batch, tensors (B, ...) by name -> the same without padding that no sample of it needs; before they are copied
            to a device, so that none has to be waited for.
        group_of: name of a parameter of the task (`network.backbone.stem.weight`), options -> how it is optimised.
        check: refuses a sample set that cannot be learnt from, before any work (raises UserError).
        warm_up: does once what the task's first step does once, such as compiling; called at the end of an installation.
    """

    samples: SamplesOf[Options, Own]
    build_task: BuildTask[Options, Network, Own]
    make_targets: MakeTargets[Options]
    options: type[Own]
    needs: Callable[[Options], Needs] = field(default=_no_needs)
    trim: Callable[[dict[str, Tensor]], dict[str, Tensor]] = field(default=_as_they_are)
    group_of: Callable[[str, Options], Group] = field(default=_one_group)
    check: Callable[[Options, TrainingSettings[Own], str, SampleFacts], None] = field(default=_refuses_nothing)
    warm_up: Callable[[Options], None] = field(default=_nothing)


@dataclass(frozen=True)
class Detection(Generic[Options, Network]):
    """What a system sees in a frame.

    Attributes:
        decode: outputs of the network to detections; None: the system detects nothing by itself and needs given boxes in every frame.
        describe: what the network says at given boxes.
        kind: the class that both return.
        similarity: how embeddings are compared: the name of a function of models/association, `cosine` for unit vectors.
        decodes_with: options -> names of the tracker's options that `decode` and `remember` read; others change no detection.
        remember: options -> None, or, for a network that looks back, a function (image, detections) -> Tensor (1, ...): what it is given
            as second argument with the next frame of a sequence, such as maps or boxes, from this frame's (1, 3, H, W) float image and
            its detections in network input pixels. Without memory (the first frame) its forward takes the images alone.
        part_masks: options -> whether detections carry `part_masks`, where in a box each part looks; `CARRIES_MASKS` of its options.py says
            the same.
    """

    decode: Decode[Options, Network] | None
    describe: Describe[Options, Network]
    kind: type[Detections] = Detections
    similarity: str = "cosine"
    decodes_with: Callable[[Options], tuple[str, ...]] = field(default=_no_names)
    remember: Callable[[Options], Remember | None] = field(default=_looks_at_one)
    part_masks: Callable[[Options], bool] = field(default=_no_masks)


@dataclass(frozen=True)
class Association(Generic[Options]):
    """How detections become tracks.

    Attributes:
        build_tracker: options, video -> a fresh tracker of one sequence.
        warm_up: does once what a tracker does once in a process, such as compiling; excluded from timings.
        answer: for trackers that ask: association part of the network, questions -> answers.
        network: for trackers that ask: options -> that part as a module of its own, to be filled from the whole network's weights by
            their names below `prefix`; tracking from stored observations loads no more.
        prefix: of those names, such as `association.`.
    """

    build_tracker: Callable[[Options, Video], Tracker | AskingTracker]
    warm_up: Callable[[Options], None] = field(default=_nothing)
    answer: Answering | None = None
    network: Callable[[Options], nn.Module] | None = None
    prefix: str = ""


def _own_names(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return tensors


@dataclass(frozen=True)
class System(Generic[Options, Network, Own]):
    """Everything the shared machinery needs of a system; one constant `SPEC` in `models/<name>/spec.py`.

    Attributes:
        name: the word used in params.yaml and the registry.
        options: pydantic class of the `model` section without `name` (fields network, loss, tracker).
        build_network: options -> module; forward takes (N, 3, H, W) float RGB in [0, 1], returns a NamedTuple of tensors.
        detection: what it sees.
        association: how it tracks.
        training: how it is trained; None: it never is.
        foreign_names: tensors of somebody else's weights, by name -> the same by the network's own names; for published checkpoints.
        pictures: what the report shows of it beside what it shows of all; None: nothing.
    """

    name: str
    options: type[BaseModel]
    build_network: Callable[[Options], nn.Module]
    detection: Detection[Options, Network]
    association: Association[Options]
    training: Training[Options, Network, Own] | None = None
    foreign_names: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = field(default=_own_names)
    pictures: Pictures[Options, Network] | None = None


ModelSpec: TypeAlias = System[Any, Any, Any]  # any system, for those who only pass its options and network on


def count_parameters(network: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
