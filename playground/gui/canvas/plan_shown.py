"""Which plan the canvas shows while the session has not built the newest one yet."""

from __future__ import annotations

from playground.experiment import Experiment, ExperimentError, Inputs, SyntheticSource, build_plan, sketch
from playground.network.plan import Plan
from playground.training.run import RunInfo


def plan_to_show(experiment: Experiment, run: RunInfo | None) -> Plan:
    """The experiment's plan, with the data's widths where a run on the same data knows them.

    Parameters
    ----------
    run
        What the newest snapshot is about, perhaps an experiment that has been edited since.
    """
    inputs: Inputs | None = None
    if isinstance(experiment.data.source, SyntheticSource):
        inputs = Inputs(len(experiment.data.features))
    elif run is not None and run.experiment.data.source == experiment.data.source:
        inputs = run.data.preprocessing.network_inputs
    outputs = run.plan.widths[-1] if run is not None else 1
    if inputs is not None:
        try:
            return build_plan(experiment, inputs, outputs)
        except ExperimentError:
            # The session will say what doesn't fit; until then the layers are shown.
            pass
    return sketch(experiment)


def same_structure(one: Plan, other: Plan) -> bool:
    """Whether two plans have the same layers with results of the same shapes."""
    return [(stage.name, stage.kind, stage.region.shape) for stage in one.stages] == [
        (stage.name, stage.kind, stage.region.shape) for stage in other.stages
    ]
