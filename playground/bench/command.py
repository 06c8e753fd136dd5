"""What ``playground bench`` does: choose the cases, run the engines' processes, print the tables, write the file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby

from playground.bench.cases import PEAK, THREADS, Case, MatmulCase, Participant, chosen_cases
from playground.bench.processes import engine_processes
from playground.bench.report import as_json, host
from playground.bench.rounds import ROUNDS, Measured, measure
from playground.bench.table import matmul_table, train_table
from playground.storage import atomic_write, refuse_unwritable
from playground.words import tr

DONE, WRONG, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def warm_up() -> int:
    """Compile the kernels into the cache, and say where that is."""
    from playground.kernels import cache
    from playground.kernels.cpu.warm import warm

    warm()
    print(tr("The kernels are compiled and lie in {folder}").format(folder=cache.prepare_cache()))
    if notice := cache.notice():
        print(notice, file=sys.stderr)
    return DONE


def bench(suite: str | None, only: str, file: str | None, seconds: float) -> int:
    """Measure, print the tables, and write the file.

    Parameters
    ----------
    suite
        ``matmul``, ``train``, or None for both.
    only
        Text that the names of the cases contain.
    file
        Where the results go as JSON, or None.
    seconds
        Budget of one measurement.

    Returns
    -------
    code
        0 done, 1 an engine was wrong, 2 bad input, 130 interrupted; what was measured until then is shown and written.

    Raises
    ------
    FileError
        Before anything is measured, if the file can't be written there.
    """
    if file is not None:
        refuse_unwritable(file)
    machine = host()
    threads = [number for number in THREADS if number <= machine["cores"]]
    cases = [case for case in chosen_cases(suite, only) if not isinstance(case, MatmulCase) or case.threads in threads]
    if not cases:
        print(
            tr("playground: no case's name contains {only!r}; try 128, A·B, Adam or 2-4-2-1.").format(only=only), file=sys.stderr
        )
        return BAD_INPUT
    measured: list[Measured] = []
    missing: dict[str, str] = {}
    interrupted = False
    try:
        machine["fma_peak_gflops"] = _peaks(threads, cases[0], seconds)
        _measure_all(cases, threads, seconds, measured, missing)
    except KeyboardInterrupt:
        interrupted = True
    _print_tables(measured, missing, str(machine["blas"]))
    if file is not None and measured:
        atomic_write(file, as_json(machine, measured))
        print(tr("wrote {path}").format(path=file), file=sys.stderr)
    if interrupted:
        return INTERRUPTED
    return WRONG if any(result.wrong for one in measured for result in one.results) else DONE


def _peaks(threads: Sequence[int], case: Case, seconds: float) -> dict[str, float]:
    """The processor's peak by number of threads, in GFLOP/s; any case serves."""
    peaks = {}
    with engine_processes([Participant(PEAK, number) for number in threads], {}) as processes:
        for participant, process in processes.items():
            for peak in measure(case, {participant: process}, seconds).peaks.values():
                peaks[str(peak.threads)] = peak.value / 1e9
    return peaks


def _measure_all(
    cases: Sequence[Case], threads: Sequence[int], seconds: float, measured: list[Measured], missing: dict[str, str]
) -> None:
    """Measure case by case and append what comes out; engines run for a group of cases, so that few are there at a time."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=len(cases))
        for _, group in groupby(cases, key=lambda case: case.group):
            together = list(group)
            wanted = {
                participant: None for case in together for participant in case.participants if participant.threads in threads
            }
            bar.update(task, description=tr("starting {count} engines").format(count=len(wanted)))
            with engine_processes(wanted, missing) as processes:
                for case in together:
                    bar.update(task, description=case.name)
                    engines = {one: processes[one] for one in case.participants if one in processes}
                    measured.append(measure(case, engines, seconds))
                    bar.advance(task)


def _print_tables(measured: Sequence[Measured], missing: dict[str, str], blas: str) -> None:
    """Tables with their legends, and a line for each engine that is left out or wrong."""
    products = [one for one in measured if one.case.suite == "matmul"]
    networks = [one for one in measured if one.case.suite == "train"]
    if products:
        print(matmul_table(products, blas, ROUNDS), end="\n\n")
    if networks:
        print(train_table(networks, ROUNDS), end="\n\n")
    for engine, why in missing.items():
        print(tr("{engine} is left out: {why}").format(engine=engine, why=why))
    for one in measured:
        for result in one.results:
            if result.wrong is not None:
                print(f"{one.case.name}: {result.engine} is wrong: {result.wrong}")
