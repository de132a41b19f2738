"""Plant mistakes, one at a time, and see that a test finds each; exit 1 if one lives.

PYTHONPATH=tools python -P -m mutants reference|scalar|page [--seed N] [--count N]

``reference`` changes modules of ``quiver/reference``, ``scalar`` the portable C
kernels; those need a C compiler and Cython. The same seed draws the same mutants.
``--again FILE`` runs those that failed in what an earlier ``--out`` wrote. ``page``
prints the page of those that no test can kill.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from mutants.equivalent import excuses, page, unfit
from mutants.reference import reference_mutants
from mutants.running import CRASH, NO_MUTANT, Mutant, Outcome, run_all
from mutants.scalar import compile_objects, scalar_mutants

SURVIVED, NOT_EQUIVALENT = "SURVIVED", "NOT EQUIVALENT"
FAILURES = SURVIVED, NOT_EQUIVALENT


def main() -> int:
    """Run the mutants; return the exit code."""
    options = _parser().parse_args()
    if options.of == "page":
        print(page(excuses().values()), end="")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        unchanged, *mutants = _all_of(options.of, Path(folder))
        if stale := unfit(excuses(), [mutant.name for mutant in mutants]):
            sys.exit("excuses that fit no mutant:\n" + "\n".join(stale))
        chosen = _chosen(mutants, options)
        print(f"{len(chosen)} of {len(mutants)} mutants of {options.of}", flush=True)
        # What fails unchanged would kill every mutant.
        (sound,) = run_all([unchanged], 1, lambda _: None)
        if sound.killer:
            sys.exit(f"without any change there fails {sound.killer}")
        print(f"unchanged, all tests pass in {sound.seconds:.1f} s", flush=True)
        outcomes = run_all(chosen, options.jobs, _tell)
    return _report(options, len(mutants), outcomes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("of", choices=("reference", "scalar", "page"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--again", type=Path, help="run the survivors of this file")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--out", type=Path, help="write every mutant and its killer")
    return parser


def _all_of(kind: str, folder: Path) -> list[Mutant]:
    if kind == "reference":
        return reference_mutants()
    compile_objects(folder)
    return scalar_mutants(folder)


def _chosen(mutants: list[Mutant], options: argparse.Namespace) -> list[Mutant]:
    """Return some of all mutants, each once, in their order."""
    if options.again is not None:
        rows = json.loads(options.again.read_text("utf-8"))["mutants"]
        lived = {row["name"] for row in rows if row["verdict"] in FAILURES}
        return [mutant for mutant in mutants if mutant.name in lived]
    count = min(options.count, len(mutants))
    places = Random(options.seed).sample(range(len(mutants)), count)
    return [mutants[place] for place in sorted(places)]


def _verdict(outcome: Outcome) -> str:
    excused = outcome.mutant.name in excuses()
    if outcome.killer == NO_MUTANT:
        return "no program"
    # What writes beside an array may crash; no test saw another result.
    if excused and not outcome.killer.startswith(CRASH):
        return NOT_EQUIVALENT if outcome.killer else "equivalent"
    return "killed" if outcome.killer else SURVIVED


def _why(outcome: Outcome) -> str:
    """Return what killed a mutant, or why no test can."""
    excuse = excuses().get(outcome.mutant.name)
    return outcome.killer or (excuse.reason if excuse else "")


def _tell(outcome: Outcome) -> None:
    mutant, seconds = outcome.mutant, f"{outcome.seconds:5.1f} s"
    where = f"{mutant.file}:{mutant.change.line} {mutant.change.name}"
    print(f"{_verdict(outcome):<10} {seconds}  {where}  {_why(outcome)}", flush=True)


def _report(options: argparse.Namespace, n_all: int, outcomes: list[Outcome]) -> int:
    counts = Counter(map(_verdict, outcomes))
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    rows = [
        {"name": one.mutant.name, "verdict": _verdict(one), "by": _why(one)}
        for one in outcomes
    ]
    document = {"of": options.of, "seed": options.seed, "all": n_all, "mutants": rows}
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(
            json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        )
    failed = any(counts[failure] for failure in FAILURES)
    return int(failed or counts["killed"] == 0)


if __name__ == "__main__":
    sys.exit(main())
