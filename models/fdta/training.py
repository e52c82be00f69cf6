"""How FDTA is trained; the code digest of the training stages starts here."""

from __future__ import annotations

from models.fdta.groups import group_of
from models.fdta.loss import build_task
from models.fdta.options import FdtaTraining
from models.fdta.requirements import check_samples, needs, samples
from models.fdta.targets import make_targets, trim
from pipeline.contract.spec import Training

TRAINING = Training(
    samples=samples,
    build_task=build_task,
    make_targets=make_targets,
    options=FdtaTraining,
    needs=needs,
    trim=trim,
    group_of=group_of,
    check=check_samples,
)
