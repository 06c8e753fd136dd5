"""Tables that are broken at random: refused in one sentence, or read as a sound table, at once, by training and by predicting."""

import random

import numpy as np
import pytest

from playground.data.columns import feature_rows, load_table
from playground.data.preprocessing import prepare
from playground.data.readers import csv as reader
from playground.data.readers import read_table
from playground.data.suggest import suggest
from playground.experiment import ExperimentError, set_field
from playground.formats.predictions import prediction_table
from playground.storage import FileError
from playground.training.trainer import train

SOUND = [
    b"a,b,y\n1,2,cat\n3.5,4,dog\n-1e3,6,cat\n7,8,dog\n",
    b"a;b;y\n1,5;2;0\n3,25;4,5;1\n2;1;0\n",
    b'"a","b c","y"\n"1","2","x"\n"3","4","y, z"\n"5","6","x"\n',
    b"a\tb\ty\n1\t2\t007\n3\t4\t012\n5\t6\t-1\n",
    "größe,b,y\n1,2,é\n3,−4,n\n5,6,é\n".encode(),
    b"a,b,y\r\n1,True,1.5\r\n2,False,2.5\r\n\r\n3,True,9\r\n",
    b"a|b|y\n1|inf|0\n2|1e300|1\n3|4|0\n",
    b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (row, row * 7 % 5, row % 3) for row in range(30)),
]
PIECES = [b"\n", b"\r", b'"', b",", b";", b"\t", b"|", b"\0", b"\xff", b" ", b"", b"-", b"+", b".", b"e", b"a", b"y", b"True"]
PIECES += [b"1e400", b"nan", b"inf", b"0x1", b"9" * 400, b"1" * 20, b"1e-320", b"1e30", b"1e99999999999999999999"]
PIECES += [b"=1", b"\x1a", b"\x0c"]
PIECES += ["\N{MINUS SIGN}".encode(), "\ufeff".encode(), "\u00a0".encode(), "\u2028".encode(), "\u0301".encode(), "١".encode()]
TRIES = 60


def mutated(seed):
    """A sound table with a few random changes; the same for the same seed."""
    draw = random.Random(seed)
    data = bytearray(draw.choice(SOUND))
    for _ in range(draw.choice((1, 1, 2, 3, 5))):
        begin = draw.randrange(len(data) + 1)
        end = min(len(data), begin + draw.randrange(1, 9))
        kind = draw.randrange(6)
        if kind == 0:
            data[begin:begin] = draw.choice(PIECES)
        elif kind == 1:
            data[begin:end] = draw.choice(PIECES)
        elif kind == 2:
            data[begin:end] = bytes(draw.randrange(256) for _ in range(end - begin))
        elif kind == 3:
            data[begin:begin] = data[begin:end] * draw.choice((1, 2, 50, 1000))
        elif kind == 4:
            rows = bytes(data).split(b"\n")
            draw.shuffle(rows)
            data = bytearray(b"\n".join(rows))
        else:
            data = data[:begin] + draw.choice(SOUND)
    return bytes(data)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "table.csv"
    path.write_text("a,b,y\n" + "".join(f"{row},{row % 3},{'xyz'[row % 3]}\n" for row in range(20)))
    return train(set_field(suggest(path), "training.epochs", "1"), backend="reference")


def refused(action, path):
    """Whether an action ends in a refusal, which must be one sentence."""
    try:
        action()
    except (FileError, ExperimentError) as error:
        message = str(error)
        assert "\n" not in message
        assert len(message.replace(path, "")) <= 300
        return True
    return False


def learned_from(path):
    """A suggestion and all that is made ready for it must be sound, and loading must agree with it."""
    experiment = suggest(path)
    data = prepare(experiment)
    dataset = data.dataset
    assert np.isfinite(dataset.features).all()
    assert np.isfinite(dataset.targets).all()
    assert np.isfinite(data.preprocessing.inputs(dataset.features)).all()
    assert len(dataset.features) == len(dataset.targets) >= 2
    assert len(set(dataset.feature_names)) == len(dataset.feature_names) == dataset.features.shape[1]
    assert len(set(dataset.class_names)) == len(dataset.class_names) != 1
    again = load_table(experiment.data.source, experiment.training.task)
    assert np.array_equal(again.features, dataset.features)
    assert again.class_names == dataset.class_names


def predicted_for(model, path):
    rows = feature_rows(read_table(path), ("a", "b"), path)
    assert prediction_table(model, rows).count("\n") == len(rows) + 1


# A pattern that goes back and forth over a long cell takes minutes.
@pytest.mark.timeout(120)
@pytest.mark.parametrize("many", [1000, 0], ids=["by pandas", "cell by cell"])
@pytest.mark.parametrize("block", range(4))
def test_a_broken_table_is_sound_or_refused(write, model, monkeypatch, many, block):
    """A failure names its seed; `mutated` of that is the table."""
    monkeypatch.setattr(reader, "_MANY", many)
    outcomes = []
    for seed in range(block * TRIES, (block + 1) * TRIES):
        path = write(mutated(seed))
        try:
            outcomes.append(refused(lambda path=path: learned_from(path), path))
            outcomes.append(refused(lambda path=path: predicted_for(model, path), path))
        except Exception as error:
            error.add_note(f"seed {seed}: {mutated(seed)[:200]!r}")
            raise
    assert set(outcomes) == {True, False}, "some of them are still sound"
