"""How much memory a run takes, every copy counted, and whether this machine has it: asking for more may end the program."""

from __future__ import annotations

import os

from playground.arrays import Array
from playground.catalog import optimizers
from playground.data.preprocessing import PreparedData
from playground.experiment import ExperimentError, TrainingSpec
from playground.network.parameters import padded
from playground.network.plan import Plan
from playground.words import tr

# Most of the machine's memory that a run may ask for.
MEMORY_SHARE = 0.7
# Outputs for all rows: the newest measurement's, those of the one before that is still shown, and room for the next one's.
COPIES_OF_OUTPUTS = 3


def memory_needed(plan: Plan, training: TrainingSpec, data: PreparedData, backend: str) -> int:
    """Bytes that a run takes at most, from its data to its being saved.

    Parameters
    ----------
    plan, training, data
        What is trained, how, and on what.
    backend
        What computes: the reference has numbers of 8 bytes, and runs all rows forward at once when it measures.
    """
    number = 8 if backend == "reference" else 4
    size, rows, outputs = plan.parameter_size, len(data.train_rows), plan.widths[-1]
    # Parameters, gradients and the optimizer's memory; the last good weights, and the best ones for early stopping.
    copies = 2 + optimizers.record_of(training.optimizer).slots + 1 + (training.early_stopping is not None)
    batch = padded(min(training.batch_size, max(1, rows)))
    # Values and slopes of a batch, its targets and the rows' weights.
    kept = number * (copies * size + 2 * (plan.units + outputs) * batch)
    if backend == "reference":
        # All rows at once are measured, with what is worked out before the largest values; a step makes its arrays anew.
        most = max(rows, len(data.validation_rows), len(data.test_rows))
        working = 8 * max(most * (plan.units + max(plan.region_widths.values())), 2 * plan.units * batch + 4 * size)
    else:
        from playground.kernels.cpu.backend import rows_at_once
        from playground.kernels.cpu.team import ROOM_EACH

        # The CPU's kernels keep room for some rows at a time, and for a product's blocks; two batches' gradients are compared.
        kept += 4 * (2 * plan.units * rows_at_once(plan) + ROOM_EACH)
        working = 4 * size
    # Two snapshots' weights while it trains; then one's, and what is made while it is saved and read back.
    moving = max(2 * 4 * size + working, 4 * 4 * size)
    everything = len(data.dataset.features)
    arrays: list[Array] = [data.train_inputs, data.train_targets, data.validation_inputs, data.validation_targets]
    arrays += [data.test_inputs, data.test_targets, data.dataset.features, data.dataset.targets]
    of_data = sum(array.nbytes for array in arrays) + 4 * COPIES_OF_OUTPUTS * everything * outputs + 8 * rows
    return int(kept + moving + of_data)


def refuse_what_does_not_fit(plan: Plan, training: TrainingSpec, data: PreparedData, backend: str, others: int = 0) -> None:
    """Refuse a run that would fill the memory.

    Parameters
    ----------
    others
        Float32 copies of the weights that are kept besides those of a run, as in a storm of many.

    Raises
    ------
    ExperimentError
        One sentence with what it needs and how to make it smaller.
    """
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needed = memory_needed(plan, training, data, backend) + 4 * others * plan.parameter_size
    if needed > MEMORY_SHARE * memory:
        raise ExperimentError(
            tr(
                "network.layers: with batches of {batch:,} rows, training takes {needed:,.0f} GB of memory, and this machine has "
                "{memory:,.0f}; take smaller batches, fewer units or filters, or smaller windows."
            ).format(batch=min(training.batch_size, max(1, len(data.train_rows))), needed=needed / 2**30, memory=memory / 2**30)
        )
