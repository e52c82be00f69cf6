"""What a trial's network sees: detections, embeddings and scores of the network, kept by what they depend on."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from pipeline.artifacts.fingerprint import code_of
from pipeline.artifacts.publication import Publication, file_digest, read_manifest
from pipeline.artifacts.store import Place, follow, remove
from pipeline.contract.spec import ModelSpec
from pipeline.files import model_folder
from pipeline.files.frames import frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.runtime.cluster import gpus, map_tasks
from pipeline.scoring.network import score_network
from pipeline.scoring.sequences import ScoredSequence, from_frames
from pipeline.scoring.tables import network_document
from pipeline.tracking.plan import tracked_frames
from pipeline.tracking.sequences import Outputs, track_sequence

NETWORK = "network.json"
GPU_SHARE = 0.25  # of a GPU for one sequence


def fingerprint(params: Params, spec: ModelSpec, options: BaseModel, model: Place, root: Path) -> str:
    """Digest of all that decides what the network of a model folder sees in the frames that are tracked."""
    tracker = options.model_dump()["tracker"]
    return digest(
        file_digest(model / model_folder.WEIGHTS),
        options.model_dump(exclude={"tracker"}),
        {name: tracker[name] for name in spec.detection.decodes_with(options)},
        [read_manifest(root / "data" / name).digest for name in ("frames", "samples")],
        [params.track.frames, params.track.detections, params.track.precision, params.evaluate.model_dump(), params.pack_samples.classes],
        [file_digest(path) for path in tracked_frames(params, root).given.values()],
        [code_of("track", params, without="association"), code_of("evaluate", params)],
    )


def observe(params: Params, spec: ModelSpec, options: BaseModel, model: Place, root: Path, publication: Publication) -> None:
    """Look at every frame that is tracked; publish <sequence>.parquet, and network.json with the network's own scores."""
    from pipeline.runtime.cluster import attached

    aside = replace(publication, out=publication.out.with_name(publication.out.name + "-aside"))
    outputs = Outputs(aside, publication, aside)  # its tracks and timings are not wanted
    frames = tracked_frames(params, root)
    jobs = [job for job in frames.jobs(spec, options, model, outputs) if not publication.done(f"{job.name}.parquet")]
    with attached(params.cluster):
        needs = {"num_cpus": params.track.threads, "num_gpus": GPU_SHARE if gpus() else 0}
        map_tasks(track_sequence, jobs, label="Looking", unit="frames", weight=lambda job: job.length, **needs)
    remove(aside.partial)
    scored = list(truths(params, root).values())
    if scored:
        rules, classes = params.evaluate, params.pack_samples.classes
        least, most = rules.reid_min_visibility, rules.reid_max_visibility
        found = score_network(scored, publication.partial, rules.benchmark, least, classes, max_visibility=most)
        with publication.write(NETWORK) as path:
            path.write_text(json.dumps(network_document(found)))
    publication.publish()


def truths(params: Params, root: Path) -> dict[str, ScoredSequence]:
    """Ground truth of the sequences that are scored, by name, without results."""
    selected = spans(read_split(follow(root / "data" / "samples")), params.track.frames)
    version = read_manifest(root / "data" / "frames").digest
    found = {}
    for (dataset, name), span in sorted(selected.items()):
        path = follow(root / "data" / "frames") / dataset / f"{name}.parquet"
        if frame_facts(path)["ground_truth"]:
            found[name] = _truth(path, span, version)
    return found


@functools.lru_cache(maxsize=256)
def _truth(path: Place, span: tuple[int, int], version: str) -> ScoredSequence:
    return from_frames(path, None, span)
