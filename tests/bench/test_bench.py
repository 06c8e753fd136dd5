"""The benchmarks: what they compare is right before it is timed, and what comes out has the promised form. No speed is tested."""

import json
import subprocess
import sys

import numpy as np
import pytest

from playground.bench import cases, command, processes, products, training
from playground.bench.cases import PEAK, MatmulCase, Participant, TrainCase, chosen_cases
from playground.bench.processes import EngineProcess, engine_processes
from playground.bench.report import as_json, ratios
from playground.bench.rounds import Measured, Result, measure
from playground.bench.table import matmul_table, train_table
from playground.cli import main as cli

PRODUCT = MatmulCase(10, 8, 8, "A·B", 1)
NETWORK = TrainCase((2, 4, 2, 1), "SGD", 10)
# A worker that gives the answers in its argument, to `check` and to `time`; none ends it.
FAKE = """
import json, sys
check, time = json.loads(sys.argv[1])
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    answer = check if json.loads(line)["do"] == "check" else time
    if answer is None:
        sys.exit(3)
    print(json.dumps(answer), flush=True)
"""
RIGHT, FAST = {"error": 0.0, "tolerance": 1e-5}, {"rate": 2e9, "wall": 0.01, "processor": 0.01}


def fake_command(check, time):
    return [sys.executable, "-c", FAKE, json.dumps([check, time])]


class FakeEngine:
    """An engine in this process: the answers to ``check`` and to each ``time``."""

    def __init__(self, check, *times):
        self.check, self.times, self.asked = check, list(times), []

    def ask(self, **request):
        self.asked.append(request["do"])
        return self.check if request["do"] == "check" else self.times.pop(0)


@pytest.fixture
def run(capsys):
    def run(*words):
        capsys.readouterr()
        code = cli.run(["bench", *map(str, words)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def few_engines(monkeypatch):
    """Only ``packed`` and OpenBLAS take part in products; only NumPy beside ours in training."""
    monkeypatch.setattr(cases, "RUNGS", {"packed": 1e12, "parallel": 1e12})
    monkeypatch.setattr(MatmulCase, "peers", ("openblas",))
    monkeypatch.setattr(TrainCase, "peers", ("numpy",))


# What is measured


def test_every_case_has_a_name_of_its_own():
    names = [case.name for case in cases.all_cases()]
    assert len(set(names)) == len(names)
    for name in (
        "A·B 10×8×8, 1 thread",
        "A·Bᵀ 1024×1024×1024, 2 threads",
        "Aᵀ·B 128×784×256, 2 threads",
        "A·B 128×128×10, 1 thread",
    ):
        assert name in names
    for name in (
        "2-4-2-1 Adam, batch 10",
        "2-8-8-8-1 SGD, batch 32",
        "64-32-10 Adam, batch 32",
        "784-512-256-10 momentum, batch 128",
    ):
        assert name in names
    # A second thread has nothing to do there.
    assert "A·B 64×64×64, 2 threads" not in names


def test_cases_are_chosen_by_a_part_of_their_name():
    assert [case.name for case in chosen_cases("matmul", "a·b 10X8x8")] == ["A·B 10×8×8, 1 thread"]
    assert {case.suite for case in chosen_cases(None, "")} == {"matmul", "train"}
    assert [case.name for case in chosen_cases("train", "2-4-2-1 sgd")] == ["2-4-2-1 SGD, batch 10"]


def test_rungs_are_left_out_where_they_would_take_long():
    def engines(case):
        return [participant.engine for participant in case.participants]

    large = MatmulCase(1024, 1024, 1024, "A·B", 1)
    assert {"neuron by neuron", "naive", "reordered"} <= set(engines(PRODUCT))
    assert {"neuron by neuron", "naive", "reordered"}.isdisjoint(engines(large))
    assert "packed" in engines(large)
    assert engines(MatmulCase(1024, 1024, 1024, "A·B", 2))[0] == "parallel"
    assert "session" in engines(NETWORK)
    assert "session" not in engines(TrainCase((784, 128, 10), "SGD", 128))


# What engines make of it


@pytest.mark.compile
@pytest.mark.torch
@pytest.mark.parametrize("engine", [*cases.RUNGS, *MatmulCase.peers])
@pytest.mark.parametrize("form", cases.FORMS)
def test_every_engine_multiplies_right(engine, form):
    if engine == "torch":
        pytest.importorskip("torch")
    if engine == "openblas-c":
        from playground.bench.openblas import find

        try:
            find()
        except LookupError as error:
            pytest.skip(str(error))
    job = products.prepare(engine, 1, MatmulCase(9, 20, 7, form, 1), seed=3)
    assert job.error() <= job.tolerance
    assert job.rate(0.001) > 0


@pytest.mark.compile
@pytest.mark.torch
@pytest.mark.parametrize("engine", ["playground", "session", *TrainCase.peers])
@pytest.mark.parametrize(
    "case", [*chosen_cases("train", "2-4-2-1"), *chosen_cases("train", "64-32-10")], ids=lambda case: case.name
)
def test_every_engine_trains_right(engine, case):
    if engine == "torch":
        pytest.importorskip("torch")
    job = training.prepare(engine, 1, case, seed=3)
    assert job.error() <= job.tolerance


@pytest.mark.compile
def test_momentum_is_the_same_everywhere():
    case = TrainCase((12, 9, 10), "momentum", 20)
    for engine in ("playground", "scikit-learn", "numpy"):
        job = training.prepare(engine, 1, case, seed=3)
        assert job.error() <= job.tolerance, engine


def test_weights_that_are_no_numbers_are_not_timed():
    with pytest.raises(ArithmeticError):
        training.refuse_infinity([(np.ones((2, 2), np.float32), np.array([1, np.nan], np.float32))])


@pytest.mark.compile
@pytest.mark.parametrize("threads", [1, 2])
def test_the_peak_is_measured(threads):
    from playground.bench import peak

    assert peak.prepare(threads).rate(0.001) > 1e8


# Rounds


def test_engines_take_turns():
    first, second = (FakeEngine(RIGHT, *(FAST | {"rate": rate} for rate in (1.0, 2.0, 30.0))) for _ in range(2))
    measured = measure(PRODUCT, {Participant("packed", 1): first, Participant(PEAK, 1): second}, 0.01, rounds=3)
    assert first.asked == second.asked == ["check", "time", "time", "time"]
    (result,) = measured.results
    assert result.value == measured.peaks[1].value == 2.0
    assert result.spread == pytest.approx(100 * (16 - 1.5) / 2)


@pytest.mark.parametrize(
    "check",
    [{"error": 2e-5, "tolerance": 1e-5}, {"error": float("nan"), "tolerance": 1e-5}, {"failed": "MemoryError: too large"}],
)
def test_a_wrong_result_is_not_timed(check):
    engine = FakeEngine(check)
    measured = measure(
        PRODUCT, {Participant("packed", 1): FakeEngine(RIGHT, FAST), Participant("openblas", 1): engine}, 0.01, rounds=1
    )
    assert engine.asked == ["check"]
    ours, wrong = measured.results
    assert ours.wrong is None and wrong.wrong is not None and wrong.rates == []
    assert ratios(measured, ours) == {}
    text = matmul_table([measured], "OpenBLAS", 1)
    assert "wrong" in text.splitlines()[3]
    row = json.loads(as_json({}, [measured]))["cases"][1]
    assert row["value"] is None and row["wrong"]


def test_what_fails_while_it_is_timed_is_wrong():
    engine = FakeEngine(RIGHT, FAST, {"failed": "it blew up"})
    measured = measure(PRODUCT, {Participant("packed", 1): engine}, 0.01, rounds=7)
    assert measured.results[0].wrong == "it blew up" and measured.results[0].rates == []


def test_ratios_are_to_the_best_number_of_threads():
    results = [
        Result("playground", 1, [60.0]),
        Result("torch", 1, [20.0]),
        Result("torch", 2, [30.0]),
        Result("numpy", 1, [10.0]),
    ]
    measured = Measured(NETWORK, results)
    assert ratios(measured, results[0]) == {"torch": 2.0, "numpy": 6.0}
    assert ratios(measured, results[1]) == {"numpy": 2.0}
    line = train_table([measured], 7).splitlines()[3]
    assert line.split()[-2:] == ["2.00", "6.00"]


def test_a_ratio_of_numbers_that_spread_is_marked():
    steady, restless = Result("packed", 1, [2.0, 2.0, 2.0]), Result("torch", 1, [1.0, 2.0, 30.0])
    text = matmul_table([Measured(PRODUCT, [steady, restless])], "OpenBLAS", 3)
    assert text.splitlines()[3].endswith(" 1.00?") and "other programs" in text
    text = matmul_table([Measured(PRODUCT, [steady, Result("torch", 1, [1.0, 1.0, 1.0])])], "OpenBLAS", 3)
    assert text.splitlines()[3].endswith(" 2.00") and "other programs" not in text


def test_no_ratio_is_shown_where_others_used_the_processor():
    """Two threads that wait for each other stand still on one core: a library's speed then says nothing about it."""
    product = MatmulCase(128, 128, 128, "A·B", 2)
    for seconds, shown in ((0.011, "?"), (0.0195, "2.00")):
        engines = {
            Participant("parallel", 2): FakeEngine(RIGHT, *[FAST | {"rate": 4e9}] * 3),
            Participant("torch", 2): FakeEngine(RIGHT, *[FAST] * 3),
            Participant(PEAK, 2): FakeEngine(RIGHT, *[{"rate": 1e11, "wall": 0.01, "processor": seconds}] * 3),
        }
        measured = measure(product, engines, 0.01, rounds=3)
        assert matmul_table([measured], "OpenBLAS", 3).splitlines()[3].split()[-1] == shown
        rows = json.loads(as_json({}, [measured]))["cases"]
        assert all(row.get("busy", False) == (shown == "?") for row in rows)


# Processes


def test_prints_of_a_library_stay_out_of_the_protocol():
    script = """
import os
from playground.bench import worker
worker.load = lambda *what: (print("hello"), os.system("echo hello"))
worker.main()
"""
    process = EngineProcess(PRODUCT.participants[0], [sys.executable, "-c", script, "packed", "1"])
    assert process.hear() == {"ready": True}
    process.close()


def test_an_engine_that_ends_is_reported():
    process = EngineProcess(Participant("packed", 1), fake_command(None, None))
    assert process.hear() == {"ready": True}
    assert process.ask(do="check") == {"failed": "the process ended with code 3."}
    assert "failed" in process.ask(do="check")
    process.close()


def test_engines_that_are_not_installed_are_left_out(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    missing = {}
    with engine_processes([Participant("torch", 1), Participant("openblas", 1)], missing) as found:
        assert [participant.engine for participant in found] == ["openblas"]
    assert "No module named torch" in missing["torch"] and "pip install torch" in missing["torch"]


# The command


@pytest.mark.compile
def test_products_from_word_to_file(run, tmp_path, monkeypatch):
    """All engines but torch, which isn't there."""
    (tmp_path / "torch.py").write_text("raise ImportError('No module named torch')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(cases, "RUNGS", {"naive": 1e12, "packed": 1e12, "parallel": 1e12})
    code, out, err = run("matmul", "--only", "A·B 10x8x8", "--seconds", "0.001", "--json", tmp_path / "results.json")
    assert code == 0, out + err
    assert "torch is left out: No module named torch" in out
    assert any(line.startswith("A·B 10×8×8") for line in out.splitlines())
    assert max(map(len, out.splitlines())) <= 130
    content = json.loads((tmp_path / "results.json").read_bytes())
    assert {"processor", "cores", "features", "python", "numpy", "numba", "scikit-learn", "fma_peak_gflops", "date"} <= set(
        content["host"]
    )
    assert content["host"]["fma_peak_gflops"]["1"] > 0
    engines = {row["engine"]: row for row in content["cases"]}
    assert {"naive", "packed", "openblas"} <= set(engines) <= {"naive", "packed", "openblas", "openblas-c"}
    for row in content["cases"]:
        assert row["suite"] == "matmul" and row["case"] == "A·B 10×8×8, 1 thread" and row["unit"] == "gflops"
        assert row["value"] > 0 and row["threads"] == 1 and row["spread"] >= 0 and row["peak_share"] > 0
    assert set(engines["packed"]["ratio_to"]) == set(engines) - {"naive", "packed"}


@pytest.mark.compile
def test_training_from_word_to_file(run, few_engines, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_peaks", lambda *what: {})
    code, out, err = run("train", "--only", "2-4-2-1 SGD", "--seconds", "0.001", "--json", tmp_path / "results.json")
    assert code == 0, out + err
    rows = json.loads((tmp_path / "results.json").read_bytes())["cases"]
    numpy = [("numpy", threads) for threads in (1, 2) if threads <= command.host()["cores"]]
    assert [(row["engine"], row["threads"]) for row in rows] == [("playground", 1), ("session", 1), *numpy]
    for row in rows:
        assert row["suite"] == "train" and row["unit"] == "samples/s" and row["value"] > 0
    assert set(rows[0]["ratio_to"]) == {"numpy"}
    assert any(line.startswith("2-4-2-1 SGD, batch 10") for line in out.splitlines())


def test_a_wrong_engine_shows_in_the_exit_code(run, few_engines, tmp_path, monkeypatch):
    answers = {"packed": (RIGHT, FAST), "openblas": ({"error": 1.0, "tolerance": 1e-5}, FAST), PEAK: (RIGHT, FAST)}
    monkeypatch.setattr(processes, "command_for", lambda participant: fake_command(*answers[participant.engine]))
    code, out, _ = run("matmul", "--only", "A·B 10x8x8")
    assert code == 1
    assert "A·B 10×8×8, 1 thread: openblas is wrong: its result is 1.0e+00 away from float64's, 1e-05 is allowed." in out


def test_what_was_measured_before_an_interruption_is_kept(run, few_engines, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "command_for", lambda participant: fake_command(RIGHT, FAST))
    real = command.measure

    def measure_two(case, *others):
        if case.form == "A·Bᵀ":
            raise KeyboardInterrupt
        return real(case, *others)

    monkeypatch.setattr(command, "measure", measure_two)
    code, out, _ = run("matmul", "--only", "10x8x8", "--json", tmp_path / "results.json")
    assert code == 130 and "A·B 10×8×8" in out
    assert {row["case"] for row in json.loads((tmp_path / "results.json").read_bytes())["cases"]} == {
        "A·B 10×8×8, 1 thread",
        "Aᵀ·B 10×8×8, 1 thread",
    }


@pytest.mark.parametrize(
    "words", [["--only", "zzz"], ["--seconds", "0"], ["--seconds", "ten"], ["--json", "nowhere/at/all.json"], ["everything"]]
)
def test_bad_input_is_refused_in_one_line(run, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert code == 2 and out == "" and len(err.splitlines()) == 1 and err.startswith("playground: ")


def test_warm_says_where_the_kernels_lie(run, monkeypatch):
    from playground.kernels.cache import prepare_cache

    monkeypatch.setattr("playground.kernels.cpu.warm.warm", lambda: None)
    code, out, _ = run("--warm")
    assert code == 0 and str(prepare_cache()) in out


def test_help_answers_without_anything_heavy():
    script = (
        "import sys; from playground.cli import main; main.run(['bench', '--help'])\n"
        "print(sorted({'numpy', 'numba', 'torch', 'sklearn', 'rich'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "--only" in result.stdout and result.stdout.splitlines()[-1] == "[]"
