"""UniTrack as the shared machinery knows it."""

from __future__ import annotations

from models.unitrack.association import ASSOCIATION
from models.unitrack.detection import DETECTION
from models.unitrack.layouts import foreign_names
from models.unitrack.network import Representation, build_network
from models.unitrack.options import UnitrackOptions
from models.unitrack.training import TRAINING
from pipeline.contract.spec import System
from pipeline.params.sections.common import NoOptions

SPEC: System[UnitrackOptions, Representation, NoOptions] = System(
    name="unitrack",
    options=UnitrackOptions,
    build_network=build_network,
    detection=DETECTION,
    association=ASSOCIATION,
    training=TRAINING,
    foreign_names=foreign_names,
)
