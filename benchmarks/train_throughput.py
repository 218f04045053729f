"""Real tokens a second of ectrain and what one would use instead, in one interleaved run.

Run from the repository's folder: python -m benchmarks.train_throughput --help
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.turns import Program, ProgramError, figures, paired_ratio, take_turns
from benchmarks.workload import SHAPES, Shape, step_sequences
from ectrain.device import has_bfloat16

OURS, BARE = "ectrain", "bare"  # both with compiled layers, as in any run of ten minutes
LOSS_TOLERANCE = 1e-3  # between ours and the bare kernel, relative: sums differ in order alone
NO_BFLOAT16 = "this processor has no bf16 units"


@dataclass(frozen=True)
class Entry:
    """A program that can be measured.

    Attributes:
        name: On the command line and in the table.
        module: In `benchmarks.programs`.
        options: Of the module.
        environment: "own", "hf" or "litgpt": whose Python runs it.
        bfloat16: Whether it needs a processor with bf16 units to make sense.
    """

    name: str
    module: str
    options: tuple[str, ...] = ()
    environment: str = "own"
    bfloat16: bool = False


def _hf(name: str, mode: str, *options: str) -> Entry:
    bfloat16 = "--bf16" in options
    return Entry(name, "hf_trainer", ("--mode", mode, *options), "hf", bfloat16)


ENTRIES = (
    Entry(OURS, "ectrain_step", ("--compile",)),
    Entry(BARE, "bare_kernel", ("--compile",)),
    Entry("ectrain-eager", "ectrain_step"),
    _hf("hf-default", "default"),
    _hf("hf-packed", "packed"),
    _hf("hf-packed-keep", "packed-keep"),
    _hf("hf-packed-bf16", "packed", "--bf16"),
    _hf("hf-packed-compiled-bf16", "packed", "--bf16", "--compile"),
    _hf("hf-packed-compiled-keep-bf16", "packed-keep", "--bf16", "--compile"),
    Entry("litgpt", "litgpt_loop", (), "litgpt"),
    Entry("litgpt-compiled", "litgpt_loop", ("--compile",), "litgpt"),
    Entry(
        "litgpt-compiled-bf16",
        "litgpt_loop",
        ("--compile", "--precision", "bf16-true"),
        "litgpt",
        bfloat16=True,
    ),
)
DEFAULT_PROGRAMS = "ectrain,bare,hf-default,hf-packed"


@dataclass(frozen=True)
class Aim:
    """A goal: our rate by another program's, at least `floor`."""

    shape: str
    against: str
    floor: float


AIMS = (
    Aim("6m", "hf-default", 6.0),
    Aim("6m", "hf-packed-compiled-bf16", 1.6),
    Aim("6m", "hf-packed-compiled-keep-bf16", 1.25),
    Aim("6m", "litgpt-compiled-bf16", 1.35),
    Aim("25m", "hf-default", 9.0),
    Aim("25m", "hf-packed-bf16", 1.5),
)
OWN_COST = 0.03  # most that the framework may add to its bare kernel
SHARE = {"6m": 0.55, "25m": 0.70}  # of the bf16 matrix rate, at least


@dataclass(frozen=True)
class Row:
    """A line of the table; rates in real tokens a second."""

    name: str
    dtype: str
    rate: float
    lowest: float
    highest: float
    share: float | None
    ours_by_it: float | None
    ours_by_it_in_pairs: float | None
    quiet: int
    turns: int


@dataclass(frozen=True)
class Verdict:
    """A goal and whether it was reached."""

    goal: str
    found: str
    verdict: str


def main() -> None:
    """Measure and print."""
    settings = _settings()
    load = [os.getloadavg()[0]]
    skipped: dict[str, str] = {}
    live = _start(_chosen(settings, skipped), settings, skipped)
    try:
        skipped.update(take_turns(live, settings.rounds))
    finally:
        for program in live:
            program.stop()
    live = [program for program in live if program.name not in skipped]
    load.append(os.getloadavg()[0])
    shape = SHAPES[settings.shape]
    by_name = {program.name: program for program in live}
    rows = [_row(p, by_name, shape) for p in live if not p.name.startswith("matrix")]
    verdicts = _verdicts(settings.shape, rows, by_name, skipped)
    rates = {n: figures(p.turns).median for n, p in by_name.items() if n.startswith("matrix")}
    found = {
        "shape": settings.shape,
        "rounds": settings.rounds,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "load": load,
        "matrix_rates": rates,
        "same_losses_as_bare": _same_losses(by_name),
        "programs": [asdict(row) for row in rows],
        "not_run": skipped,
        "goals": [asdict(verdict) for verdict in verdicts],
        "turns": {p.name: [asdict(turn) for turn in p.turns] for p in live},
    }
    if settings.json:
        print(json.dumps(found, indent=1))
    else:
        _print(found, rows, verdicts, by_name)


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="6m", metavar="6m|25m")
    parser.add_argument("--rounds", type=int, default=8)
    names = ", ".join(entry.name for entry in ENTRIES)
    parser.add_argument("--programs", default=DEFAULT_PROGRAMS, help=f"all, or some of: {names}")
    parser.add_argument("--hf-python", type=Path, help="Python with requirements-hf.txt")
    parser.add_argument("--litgpt-python", type=Path, help="Python with requirements-litgpt.txt")
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    known = {entry.name for entry in ENTRIES}
    chosen = known if settings.programs == "all" else set(settings.programs.split(","))
    if chosen - known:
        parser.error(f"unknown programs: {', '.join(sorted(chosen - known))}")
    settings.chosen = chosen
    return settings


def _chosen(settings: argparse.Namespace, skipped: dict[str, str]) -> list[tuple[Entry, Path]]:
    """Return what can be measured with the Python that runs it; say why the rest can't."""
    units = has_bfloat16(torch.device("cpu"))
    found = []
    for entry in ENTRIES:
        python = {
            "own": Path(sys.executable),
            "hf": settings.hf_python,
            "litgpt": settings.litgpt_python,
        }[entry.environment]
        if entry.name not in settings.chosen:
            skipped[entry.name] = f"not chosen: add it to --programs, or --programs {entry.name}"
        elif entry.bfloat16 and not units:
            skipped[entry.name] = NO_BFLOAT16
        elif python is None or not python.exists():
            skipped[entry.name] = _how_to_set_up(entry.environment, python)
        else:
            found.append((entry, python))
    return found


def _how_to_set_up(environment: str, python: Path | None) -> str:
    problem = f"{python} is not there" if python else f"--{environment}-python not given"
    return (
        f"{problem}: python3 -m venv {environment}"
        f" && {environment}/bin/pip install torch==2.13.0"
        f" && {environment}/bin/pip install -r benchmarks/requirements-{environment}.txt,"
        f" then --{environment}-python {environment}/bin/python"
    )


def _start(
    entries: Sequence[tuple[Entry, Path]], settings: argparse.Namespace, skipped: dict[str, str]
) -> list[Program]:
    """Start the programs, one after another; one that fails is left out and says why."""
    common = ("--shape", settings.shape, "--steps", str(settings.rounds))
    programs = [
        Program(e.name, _command(python, e.module, *common, *e.options)) for e, python in entries
    ]
    own = Path(sys.executable)
    for dtype in ("float32", *(["bfloat16"] if has_bfloat16(torch.device("cpu")) else [])):
        command = _command(own, "matrix_rate", *common, "--dtype", dtype)
        programs.append(Program(f"matrix products, {dtype}", command))
    live = []
    for program in programs:
        print(f"warming up {program.name}", file=sys.stderr, flush=True)
        try:
            program.start()
        except ProgramError as error:
            skipped[program.name] = str(error)
            print(error, file=sys.stderr, flush=True)
        else:
            live.append(program)
    if len({program.facts["workload"] for program in live}) > 1:
        raise SystemExit("the programs did not make the same workload")
    return live


def _command(python: Path, module: str, *options: str) -> list[str]:
    return [str(python), "-m", f"benchmarks.programs.{module}", *options]


def _row(program: Program, by_name: Mapping[str, Program], shape: Shape) -> Row:
    found = figures(program.turns)
    lengths = [len(tokens) for step in range(40) for tokens in step_sequences(shape, step)]
    per_token = shape.flops(lengths) / sum(lengths)
    dtype = program.facts["dtype"]
    peak = by_name.get(f"matrix products, {dtype}")
    ours = by_name.get(OURS)
    return Row(
        name=program.name,
        dtype=dtype,
        rate=found.median,
        lowest=found.lowest,
        highest=found.highest,
        share=found.median * per_token / figures(peak.turns).median if peak else None,
        ours_by_it=figures(ours.turns).median / found.median if ours else None,
        ours_by_it_in_pairs=paired_ratio(ours.turns, program.turns) if ours else None,
        quiet=found.quiet,
        turns=found.turns,
    )


def _same_losses(by_name: Mapping[str, Program]) -> bool | None:
    """Return whether ours and the bare kernel came to the same losses; None without both."""
    if OURS not in by_name or BARE not in by_name:
        return None
    pairs = zip(by_name[OURS].turns, by_name[BARE].turns, strict=True)
    return all(
        a.loss is not None and b.loss is not None and abs(a.loss / b.loss - 1) < LOSS_TOLERANCE
        for a, b in pairs
    )


def _verdicts(
    shape: str,
    rows: Sequence[Row],
    by_name: Mapping[str, Program],
    skipped: Mapping[str, str],
) -> list[Verdict]:
    found = {row.name: row for row in rows}
    verdicts = []
    for aim in AIMS:
        if aim.shape == shape:
            row = found.get(aim.against)
            ratio = row.ours_by_it if row else None
            reason = skipped.get(aim.against if row is None else OURS, "")
            verdicts.append(
                _verdict(
                    f"{aim.floor:g}x of {aim.against}",
                    None if ratio is None else f"{ratio:.2f}x",
                    ratio is not None and ratio >= aim.floor,
                    reason,
                )
            )
    verdicts.append(_share_verdict(shape, found.get(OURS), skipped))
    verdicts.append(_cost_verdict(by_name, skipped))
    return verdicts


def _verdict(goal: str, found: str | None, reached: bool, reason: str) -> Verdict:
    if found is None:
        return Verdict(goal, "", f"not run: {reason}")
    return Verdict(goal, found, "reached" if reached else "not reached")


def _share_verdict(shape: str, ours: Row | None, skipped: Mapping[str, str]) -> Verdict:
    floor = SHARE.get(shape, 0.0)
    goal = f"{floor:g} of the bf16 matrix rate"
    if ours is None:
        return _verdict(goal, None, False, skipped.get(OURS, ""))
    if ours.dtype != "bfloat16" or ours.share is None:
        return _verdict(goal, None, False, NO_BFLOAT16)
    return _verdict(goal, f"{ours.share:.2f}", ours.share >= floor, "")


def _cost_verdict(by_name: Mapping[str, Program], skipped: Mapping[str, str]) -> Verdict:
    goal = f"at most {OWN_COST:.0%} over the bare kernel"
    missing = [name for name in (OURS, BARE) if name not in by_name]
    if missing:
        return _verdict(goal, None, False, skipped.get(missing[0], ""))
    ours, bare = by_name[OURS].turns, by_name[BARE].turns
    cost = paired_ratio(bare, ours) - 1
    middle = figures(bare).median / figures(ours).median - 1
    text = f"{cost:+.1%} in pairs, {middle:+.1%} of medians"
    return _verdict(goal, text, cost <= OWN_COST, "")


def _print(
    found: Mapping[str, Any],
    rows: Sequence[Row],
    verdicts: Sequence[Verdict],
    by_name: Mapping[str, Program],
) -> None:
    before, after = found["load"]
    print(
        f"shape {found['shape']}, {found['rounds']} rounds, {found['threads']} threads, "
        f"torch {found['torch']}, load {before:.1f} before and {after:.1f} after"
    )
    for name, rate in found["matrix_rates"].items():
        print(f"{name}: {rate / 1e9:.0f} GFLOP/s")
    if found["same_losses_as_bare"] is not None:
        same = "the same losses" if found["same_losses_as_bare"] else "OTHER LOSSES"
        print(f"{OURS} and {BARE} came to {same}")
    print(
        f"\n{'program':30}{'format':10}{'tokens/s':>10}{'lowest':>9}{'highest':>9}{'MFU':>6}"
        f"{'ours by it':>12}{'in pairs':>10}{'quiet turns':>13}"
    )
    for row in rows:
        share = "-" if row.share is None else f"{row.share:.2f}"
        ratio = "-" if row.ours_by_it is None else f"{row.ours_by_it:.2f}"
        pairs = "-" if row.ours_by_it_in_pairs is None else f"{row.ours_by_it_in_pairs:.2f}"
        print(
            f"{row.name:30}{row.dtype:10}{row.rate:10.0f}{row.lowest:9.0f}{row.highest:9.0f}"
            f"{share:>6}{ratio:>12}{pairs:>10}{f'{row.quiet}/{row.turns}':>13}"
        )
    for name, reason in found["not_run"].items():
        print(f"{name:30}not run: {reason}")
    print()
    for verdict in verdicts:
        print(f"goal {verdict.goal}: {verdict.found} {verdict.verdict}".replace(":  ", ": "))
    _print_noise(by_name)


def _print_noise(by_name: Mapping[str, Program]) -> None:
    for name, program in by_name.items():
        noisy = [str(n) for n, turn in enumerate(program.turns, 1) if not turn.quiet]
        if noisy:
            foreign = statistics.median(t.foreign or 0.0 for t in program.turns)
            rounds = ", ".join(noisy)
            print(f"noisy: {name} in rounds {rounds} (foreign load {foreign:.0%} in the middle)")


if __name__ == "__main__":
    main()
