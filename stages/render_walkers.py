"""Render the embedded data set: people walking on a ground plane, in the layouts of MOTChallenge and CrowdHuman."""

from __future__ import annotations

from pipeline.artifacts.publication import require_space
from pipeline.params.sections.data import RenderWalkers
from stages import Context, run


def render_walkers(context: Context) -> None:
    """Write data/walkers: sequences with ground truth and detections, stills with annotations, true depth beside both."""
    from pipeline.runtime.cluster import attached, map_tasks
    from pipeline.walkers import labels, tasks

    section = context.params.render_walkers
    publication = context.publication(context.data / "walkers")
    require_space(publication.partial, _bytes(section, tasks.BYTES_PER_PIXEL), "rendering walkers")
    todo = tasks.plan(publication, section, context.params.base.seed)
    if todo:
        with attached(context.params.cluster):
            map_tasks(tasks.perform, todo, label="Rendering walkers", unit="frames", weight=lambda task: task.count)
    tasks.join_stills(publication, todo)
    truth = [publication.path(task.marker).read_text() for task in todo if task.kind == "sequence"]
    summary = labels.summarise(truth, section.sequences * section.frames)
    facts = summary.facts() if summary else {}
    context.run.metrics(facts)
    context.run.output(publication.publish(sequences=section.sequences, stills=section.stills_train + section.stills_val, **facts))


def _bytes(section: RenderWalkers, bytes_per_pixel: float) -> int:
    pictures = section.sequences * section.frames + section.stills_train + section.stills_val
    return int(pictures * section.width * section.height * bytes_per_pixel)


if __name__ == "__main__":
    run("render_walkers", render_walkers)
