"""What stands in a sentence is kept to one line and to a length, whoever wrote it."""

import copy
import io
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.experiment import ExperimentError, set_field
from playground.experiment.presets import preset
from playground.words import QUOTED, SENTENCE, Choices, Sentence, cut, tr, trn

LONG = "abcdefghij" * 10_000
ODD = st.text(st.characters(), max_size=2_000)


@given(ODD, ODD, ODD)
def test_whatever_is_put_in_a_sentence_is_a_short_line(path, name, unquoted):
    sentence = tr("{path}: there is no column {name!r}, only {unquoted}; mend it.").format(
        path=path, name=name, unquoted=unquoted
    )
    assert len(sentence) <= SENTENCE
    assert len(sentence.splitlines()) == 1
    # A console that takes no exceptions to the rule.
    io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict").write(sentence)


@pytest.mark.parametrize("text", ["x", "a name of its own", "ß", "don't", "日本語", "a" * QUOTED])
def test_what_is_short_stands_as_it_is(text):
    assert tr("{path}: no {name!r}").format(path=text, name=text) == f"{text}: no {text!r}"


def test_what_is_long_loses_its_middle():
    quoted = tr("no {name!r}").format(name=f"first{LONG}last").removeprefix("no ")
    assert len(quoted) == QUOTED + 2
    assert quoted.startswith("'first")
    assert quoted.endswith("last'")
    assert quoted.count("…") == 1


def test_a_path_is_whole_as_long_as_the_sentence_has_room():
    path = Path("/home") / ("folder" * 40)
    assert str(path) in tr("{path}: no such file.").format(path=path)
    assert str(path) not in tr("{path}: no such file; {more}").format(path=path, more="word " * 30)


def test_a_sentence_within_another_keeps_its_words_and_gives_way_with_its_names():
    inner = tr("there is no column {name!r} in {path}, which was looked at").format(name="x", path="p" * 290)
    outer = tr("{path}: {error}; {hint}").format(path="q" * 290, error=ExperimentError(inner), hint=tr("Close this message"))
    assert len(outer) <= SENTENCE
    assert outer.startswith("qqq")
    assert "qqq: there is no column 'x' in ppp" in outer
    assert outer.endswith("ppp, which was looked at; Close this message")


def test_a_line_to_type_is_never_cut():
    choices = Sentence(", ".join(["relu"] * 100))
    assert tr("choose one of {choices}").format(choices=choices) == f"choose one of {choices}"


@pytest.mark.parametrize("letter", ["\n", "\r", "\t", "\0", "\x1b", "\u2028", "\u202e", "\udc80", "\x85"])
def test_letters_that_no_console_prints_are_spelled(letter):
    sentence = tr("{path}: {name!r}").format(path=f"a{letter}b", name=f"a{letter}b")
    assert sentence == f"a{repr(letter)[1:-1]}b: {f'a{letter}b'!r}"


def test_numbers_keep_their_form():
    assert trn("{count:,} row", "{count:,} rows", 1234).format(count=1234) == "1,234 rows"


def test_a_sentence_is_a_plain_text_to_others():
    sentence = tr("no {name!r}").format(name=LONG)
    assert str(ExperimentError(sentence)) == sentence
    assert pickle.loads(pickle.dumps(sentence)) == copy.deepcopy(sentence) == sentence


@pytest.mark.parametrize(("width", "short"), [(26, "abcdefghijklmnopqrstuvwxyz"), (25, "abcdefghi…lmnopqrstuvwxyz"), (4, "a…yz")])
def test_cutting_keeps_both_ends(width, short):
    assert cut("abcdefghijklmnopqrstuvwxyz", width) == short
    assert len(short) == width


def test_a_list_is_cut_only_where_nothing_else_makes_the_sentence_fit():
    choices = Choices(", ".join(f"choice_{number}" for number in range(22)))
    short = tr("{path}: {name!r} is no choice; choose one of {choices}.").format(path="p" * 200, name="x", choices=choices)
    assert len(short) <= SENTENCE
    assert choices in short
    long = tr("{path}: its description can't be used: {error}").format(
        path="p" * 200, error=tr("{name!r} is no choice; choose one of {choices}.").format(name="y" * 60, choices=choices)
    )
    assert len(long) <= SENTENCE
    assert "choose one of choice_0, choice_1, " in long
    assert long.endswith("choice_21.")


@pytest.mark.parametrize("path", ["training.loss", "training.optimizer", "network.initializer", "network.output_activation"])
def test_a_mistyped_choice_in_a_file_with_a_long_name_is_told_in_a_short_sentence(tmp_path, path):
    choice = max(re.findall(r"\w+", refusal_of(path, "nothing")), key=len)
    # The longest that is there, with a mistake: what it may mean is named, what it may be, and the file.
    words = refusal_of(path, choice[:-1] + choice[-1].upper())
    whole = tr("{path}: its description of the model can't be used: {0}").format(words, path=tmp_path / ("a" * 200))
    assert choice in words
    assert len(words) <= SENTENCE and len(whole) <= SENTENCE


def refusal_of(path, value):
    with pytest.raises(ExperimentError) as found:
        set_field(preset("iris"), path, value)
    return found.value.args[0]
