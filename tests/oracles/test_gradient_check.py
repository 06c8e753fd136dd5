"""Gradients of the reference backend against finite differences in float64, for every combination that the program offers.

Along two random directions for each of the combinations, and number by number for a set of them in which every layer meets
every activation and every head.
"""

import pytest
from finite_differences import Check, assert_along_directions, assert_number_by_number
from networks import RECIPES, grouped, offered
from oracle import HIDDEN, make_experiment, outputs_of

from playground.catalog.activations import ACTIVATIONS
from playground.catalog.losses import LOSSES
from playground.catalog.tasks import TASKS
from playground.experiment import Dense
from playground.network.layers import LAYERS

pytestmark = pytest.mark.compile

GROUPS = grouped()


@pytest.mark.parametrize(("layer", "activation"), GROUPS, ids=lambda name: name)
def test_every_combination_along_directions(layer, activation):
    kinks = 0
    for seed, combination in enumerate(GROUPS[layer, activation]):
        check = Check(combination.experiment(), combination.inputs, seed=seed)
        try:
            kinks += assert_along_directions(check, seed)
        except AssertionError as error:
            raise AssertionError(f"{combination}: {error}") from error
    assert kinks <= 0.05 * 2 * len(GROUPS[layer, activation])


@pytest.mark.parametrize("layer", RECIPES)
def test_every_activation_and_every_head_number_by_number(layer):
    combinations = [combination for combination in offered() if combination.layer == layer]
    heads = sorted({combination[2:] for combination in combinations})
    # Every head once, the activations in turn; every activation with at least one head.
    count = max(len(heads), len(HIDDEN))
    wanted = {(HIDDEN[i % len(HIDDEN)], *heads[i % len(heads)]) for i in range(count)}
    chosen = [combination for combination in combinations if combination[1:] in wanted]
    assert {combination.activation for combination in chosen} == set(HIDDEN)
    assert {combination[2:] for combination in chosen} == set(heads)
    kinks = numbers = 0
    for seed, combination in enumerate(chosen):
        check = Check(combination.experiment(), combination.inputs, seed=seed)
        try:
            kinks += assert_number_by_number(check)
        except AssertionError as error:
            raise AssertionError(f"{combination}: {error}") from error
        numbers += check.learned.size
    assert kinks <= 0.01 * numbers


def test_the_losses_own_number_counts():
    for delta in (0.2, 1.5):
        experiment = make_experiment("regression", LOSSES["huber"].spec(delta=delta), widths=(3,))
        check = Check(experiment, 2, rows=8)
        assert outputs_of(experiment) == 2
        assert_number_by_number(check)


@pytest.mark.parametrize("name", [name for name in HIDDEN if ACTIVATIONS[name].parameters])
def test_the_activations_own_number_counts(name):
    record = ACTIVATIONS[name]
    for number in (0.0, 0.3, 0.9):
        choice = record.spec(**{record.parameters[0].name: number})
        check = Check(make_experiment("regression", layers=(Dense(units=4, activation=choice),)), 3)
        assert_number_by_number(check)


def test_nothing_is_left_out():
    combinations = offered()
    assert {combination.layer for combination in combinations} == set(LAYERS)
    assert {combination.activation for combination in combinations} == set(HIDDEN)
    assert {combination.task for combination in combinations} == set(TASKS)
    assert {combination.loss for combination in combinations} == set(LOSSES)
    assert {combination.output for combination in combinations} == set(ACTIVATIONS)
    print(f"{len(combinations)} combinations")
