"""How speed and memory of training grow with the network: ``python tests/benchmarks/growth.py``.

Samples a second times parameters stays about the same where the arithmetic, and not what surrounds it, takes the time.
Memory is what a run holds beyond its data, against what it should: parameters × (2 + the optimizer's memories), values and
their gradients of one batch, and the fixed room that the matrix product works in.
"""

import statistics
import time
import tracemalloc

import numpy as np

from playground.experiment import Adam, DataSpec, Dense, Experiment, NetworkSpec, SyntheticSource, TrainingSpec, build_plan
from playground.experiment import initial_parameters as draw
from playground.kernels.cpu import backend as cpu
from playground.kernels.cpu.team import ROOM_EACH

BATCH, ROWS = 128, 1024
SHAPES = [(64, 128, 10), (256, 256, 128, 10), (784, 800, 400, 10), (1024, 2700, 2700, 10)]


def experiment_of(widths):
    layers = tuple(Dense(units=units, activation="relu") for units in widths[1:-1])
    training = TrainingSpec(task="multiclass", loss="categorical_cross_entropy", optimizer=Adam(), batch_size=BATCH)
    return Experiment(data=DataSpec(source=SyntheticSource(name="circle")), network=NetworkSpec(layers=layers), training=training)


def main():
    random = np.random.default_rng(0)
    print("             network  parameters  samples/s  × parameters  held MB expected per step")
    products = []
    for widths in SHAPES:
        experiment = experiment_of(widths)
        plan = build_plan(experiment, widths[0], widths[-1])
        inputs = random.normal(size=(ROWS, widths[0])).astype(np.float32)
        targets = np.eye(widths[-1], dtype=np.float32)[random.integers(0, widths[-1], ROWS)]
        start = draw(experiment, plan)
        # Compiled and its team's room made before anything is counted.
        cpu.train(cpu.new_state(plan, experiment.training, start, ROWS), inputs, targets, 2)
        tracemalloc.start()
        state = cpu.new_state(plan, experiment.training, start, ROWS)
        cpu.train(state, inputs, targets, 2)
        held = tracemalloc.get_traced_memory()[0]
        steps = ROWS // BATCH
        rates = []
        while len(rates) < 5:
            begin = time.perf_counter()
            cpu.train(state, inputs, targets, steps)
            rates.append(steps * BATCH / (time.perf_counter() - begin))
        more = (tracemalloc.get_traced_memory()[0] - held) / (5 * steps)
        tracemalloc.stop()
        expected = 4 * (plan.parameter_size * 4 + 2 * plan.units * BATCH) + 8 * ROWS
        rate = statistics.median(rates)
        products.append(rate * plan.parameter_count)
        name = "-".join(map(str, widths))
        print(
            f"{name:>20} {plan.parameter_count:>11,} {rate:>10,.0f} {products[-1]:>13.3g} "
            f"{held / 1e6:>8.2f} {expected / 1e6:>8.2f} {more:>8.0f}"
        )
    print(
        f"largest product over smallest: {max(products) / min(products):.2f}; room of the product: {4 * ROOM_EACH / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
