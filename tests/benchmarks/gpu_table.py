"""What was measured on the GPU, as a table for people and as a file."""

import json
from pathlib import Path

from gpu_cases import OURS

from playground.bench.rounds import Result

ABSENT = "—"
HEADERS = ("case", OURS, "peer", "peer's", "ratio", "target", "", "error", "peer's error")
_ABOUT = """\
Medians of {rounds} rounds in turns; ratio: ours / peer's, each round's own, ± interquartile range. Products are timed on the
GPU alone, launch after launch; training by the wall clock, whole epochs, until all is done. Results were compared before:
products with float64's, relative to |A|·|B|; networks with float64's parameters, after their first steps from the same
weights on the same batches; the losses of {sampled} of many networks with those of each alone on the CPU."""


def table(measured, sampled, markdown):
    """All cases, a line for each peer, as text or Markdown; what went wrong below."""
    rows = [_cells(found, peer) for found in measured for peer in found.case.targets]
    troubles = [f"{found.case.name}, {engine}: {trouble}." for found in measured for engine, trouble in found.troubles.items()]
    widths = [max(map(len, column)) for column in zip(HEADERS, *rows, strict=True)]
    if markdown:
        rule = [":" + "-" * (width - 1) if index in (0, 2) else "-" * (width - 1) + ":" for index, width in enumerate(widths)]
        rule = [mark if len(mark) > 1 else "--" for mark in rule]
        lines = [f"| {' | '.join(_aligned(row, widths))} |" for row in (HEADERS, rule, *rows)]
    else:
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in (HEADERS, *rows)]
        lines.insert(1, "─" * (sum(widths) + 2 * len(widths) - 2))
    rounds = " or ".join(map(str, sorted({found.case.rounds for found in measured})))
    about = _ABOUT.format(rounds=rounds, sampled=sampled)
    return "\n".join([*lines, "", about, *([""] if troubles else []), *troubles])


def line(found):
    """A case's figures on one line, for those who wait."""
    return " | ".join("  ".join(cell for cell in _cells(found, peer)[1:7] if cell) for peer in found.case.targets)


def _aligned(cells, widths):
    """The first column and the peers' names to the left, numbers to the right."""
    pairs = zip(cells, widths, strict=True)
    return [cell.ljust(width) if index in (0, 2) else cell.rjust(width) for index, (cell, width) in enumerate(pairs)]


def _cells(found, peer):
    target, ratio = found.case.targets[peer], found.ratio(peer)
    verdict = "" if target is None or ratio is None else "reached" if ratio[0] >= target else "missed"
    return (
        found.case.name,
        _rate(found, OURS),
        peer,
        _rate(found, peer),
        f"{_short(ratio[0])} ±{ratio[1]:.0f}%" if ratio else ABSENT,
        "" if target is None else f"≥ {target:g}",
        verdict,
        _error(found, OURS),
        _error(found, peer),
    )


def _rate(found, engine):
    if found.rates.get(engine):
        value, unit = Result(engine, 1, found.rates[engine]).value, found.case.unit
        if unit == "GFLOP/s":
            return f"{_short(value / 1e9)} {unit}"
        return f"{_short(value / 1e6)}M {unit}" if value >= 999_500 else f"{_short(value / 1e3)}k {unit}"
    return found.troubles[engine].partition(":")[0] if engine in found.troubles else ABSENT


def _error(found, engine):
    return f"{found.errors[engine]:.1e}" if engine in found.errors else ABSENT


def _short(value):
    """Three digits, but all before the point, and at most three after it."""
    decimals = 0 if value >= 99.95 else 1 if value >= 9.995 else 2 if value >= 0.9995 else 3
    return f"{value:.{decimals}f}"


def write_json(path, header, measured, more):
    """Everything as a file: all rates of all rounds."""
    cases = [
        {
            "case": found.case.name,
            "unit": "FLOP/s" if found.case.unit == "GFLOP/s" else found.case.unit,
            "targets": found.case.targets,
            "ratios": {peer: ratio[0] for peer in found.case.targets if (ratio := found.ratio(peer)) is not None},
            "rates": found.rates,
            "errors": found.errors,
            "troubles": found.troubles,
        }
        for found in measured
    ]
    text = json.dumps({"machine": header, "cases": cases, **more}, ensure_ascii=False, indent=1)
    Path(path).write_text(text + "\n", encoding="utf-8")
