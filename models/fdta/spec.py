"""FDTA as the shared machinery knows it."""

from __future__ import annotations

from models.fdta.association import ASSOCIATION
from models.fdta.detection import DETECTION
from models.fdta.foreign import adapt
from models.fdta.network import build_network
from models.fdta.options import FdtaOptions
from models.fdta.pictures import PICTURES
from models.fdta.training import TRAINING
from pipeline.contract.spec import System

SPEC = System(
    name="fdta",
    options=FdtaOptions,
    build_network=build_network,
    detection=DETECTION,
    association=ASSOCIATION,
    training=TRAINING,
    foreign_names=adapt,
    pictures=PICTURES,
)
