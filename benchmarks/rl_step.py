"""Samples a second of a whole RL step, generate, reward and update, beside TRL's GRPO trainer.

Both have the same model, prompts, number of samples and new tokens. Rewards are nearly free, or,
with `--suites`, kill rates of so many suites a step: by the warm engine in ectrain, by one
`mix test` a mutant in TRL. The programs take turns, a step each.

Run from the repository's folder: python -m benchmarks.rl_step --help
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.turns import WARM_UP, Program, figures, paired_ratio, take_turns
from benchmarks.workload import SHAPES

FLOORS = {"free": 3.4, "mutation": 50.0}  # our rate by TRL's, at least


def suites_of(count: int, mutants: int) -> list[dict[str, Any]]:
    """Return suites that pass, with their programs and the texts of some valid mutants each."""
    from ectrain_elixir.mutation import MutationEngine, Outcome
    from ectrain_elixir.testpairs import exunit_pairs

    engine = MutationEngine(sample=2 * mutants)
    found: list[dict[str, Any]] = []
    for pair in exunit_pairs("train", size=4 * count):
        score = engine.kill_rate(pair.code, pair.tests)
        valid = (Outcome.KILLED, Outcome.SURVIVED)
        chosen = [r.mutant for r in score.results if r.outcome in valid][:mutants]
        if len(chosen) == mutants:
            _, *texts = engine.sources(pair.code, chosen)
            found.append({"code": pair.code, "tests": pair.tests, "mutants": texts})
        if len(found) == count:
            return found
    raise SystemExit(f"only {len(found)} of {count} suites have {mutants} valid mutants")


def main() -> None:
    """Measure and print."""
    settings = _settings()
    own, trl = Path(sys.executable), settings.trl_python
    with tempfile.TemporaryDirectory() as folder:
        common = ["--shape", settings.shape, "--steps", str(settings.rounds)]
        if settings.suites:
            path = Path(folder) / "suites.json"
            count = settings.suites * (WARM_UP + settings.rounds)
            path.write_text(json.dumps(suites_of(count, settings.mutants)))
            common += ["--suites", str(path), "--each", str(settings.suites)]
        mutants = ["--mutants", str(settings.mutants)]
        programs = [_program("ectrain", own, "rl_ectrain", *common, *mutants)]
        if settings.compile:
            extra = (*common, *mutants, "--compile")
            programs.append(_program("ectrain compiled", own, "rl_ectrain", *extra))
        if trl is not None:
            programs.append(_program("TRL GRPO", trl, "rl_trl", *common))
            if settings.bf16:
                programs.append(_program("TRL GRPO bf16", trl, "rl_trl", *common, "--bf16"))
        try:
            for program in programs:
                print(f"warming up {program.name}", file=sys.stderr, flush=True)
                program.start()
            ended = take_turns(programs, settings.rounds)
        finally:
            for program in programs:
                if hasattr(program, "_process"):
                    program.stop()
    _print(programs, ended, settings)


def _program(name: str, python: Path, module: str, *options: str) -> Program:
    return Program(name, [str(python), "-m", f"benchmarks.programs.{module}", *options])


def _settings() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="6m")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--trl-python", type=Path, help="Python with requirements-trl.txt")
    parser.add_argument("--bf16", action="store_true", help="TRL in bfloat16, too")
    parser.add_argument("--compile", action="store_true", help="ectrain with compiled layers, too")
    parser.add_argument("--suites", type=int, default=0, help="rewarded by mutation, a step")
    parser.add_argument("--mutants", type=int, default=4, help="of each suite")
    return parser.parse_args()


def _print(programs: list[Program], ended: dict[str, str], settings: argparse.Namespace) -> None:
    kind = "mutation" if settings.suites else "free"
    what = f"{settings.suites} suites x {settings.mutants} mutants" if settings.suites else "free"
    print(f"{settings.shape}, rewards: {what}, {settings.rounds} rounds")
    ours = programs[0]
    for program in programs:
        if program.name in ended or not program.turns:
            print(f"{program.name}: {ended.get(program.name, 'no turn')}")
            continue
        found = figures(program.turns)
        print(
            f"{program.name} ({program.facts['dtype']}): {found.median:.2f} samples/s "
            f"({found.lowest:.2f}..{found.highest:.2f}, {found.quiet} of {found.turns} turns quiet)"
        )
        if program.name.startswith("TRL") and len(ours.turns) == len(program.turns):
            ratio = paired_ratio(ours.turns, program.turns)
            verdict = "reached" if ratio >= FLOORS[kind] else "not reached"
            print(f"  ectrain by it: {ratio:.2f} (goal {FLOORS[kind]:g}: {verdict})")


if __name__ == "__main__":
    main()
