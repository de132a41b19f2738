"""Plant mistakes, one at a time, and see that a test finds each; exit 1 if one lives.

PYTHONPATH=tools python -P -m mutants reference|scalar [--seed N] [--count N]

``reference`` changes modules of ``quiver/reference``, ``scalar`` the portable C
kernels; those need a C compiler and Cython. The same seed draws the same mutants.
``--again FILE`` runs those that survived in what an earlier ``--out`` wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from mutants.equivalent import EQUIVALENT
from mutants.reference import reference_mutants
from mutants.running import NO_MUTANT, Mutant, Outcome, run_all
from mutants.scalar import compile_objects, scalar_mutants

SURVIVED = "SURVIVED"


def main() -> int:
    """Run the mutants; return the exit code."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        if options.of == "reference":
            unchanged, *mutants = reference_mutants()
        else:
            compile_objects(Path(folder))
            unchanged, *mutants = scalar_mutants(Path(folder))
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
    parser.add_argument("of", choices=("reference", "scalar"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--again", type=Path, help="run the survivors of this file")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--out", type=Path, help="write every mutant and its killer")
    return parser


def _chosen(mutants: list[Mutant], options: argparse.Namespace) -> list[Mutant]:
    """Return some of all mutants, each once, in their order."""
    if options.again is not None:
        rows = json.loads(options.again.read_text("utf-8"))["mutants"]
        lived = {(x["file"], x["change"]) for x in rows if x["verdict"] == SURVIVED}
        return [mutant for mutant in mutants if (mutant.file, mutant.change) in lived]
    count = min(options.count, len(mutants))
    places = Random(options.seed).sample(range(len(mutants)), count)
    return [mutants[place] for place in sorted(places)]


def _verdict(outcome: Outcome) -> str:
    if outcome.killer == NO_MUTANT:
        return "no program"
    if outcome.killer:
        return "killed"
    return "equivalent" if _reason(outcome) else SURVIVED


def _reason(outcome: Outcome) -> str:
    """Return why no test can tell a mutant from what it was made of, if none can."""
    return EQUIVALENT.get(outcome.mutant.name, "")


def _tell(outcome: Outcome) -> None:
    seconds = f"{outcome.seconds:5.1f} s"
    words = outcome.killer or _reason(outcome)
    print(
        f"{_verdict(outcome):<10} {seconds}  {outcome.mutant.name}  {words}", flush=True
    )


def _report(options: argparse.Namespace, n_all: int, outcomes: list[Outcome]) -> int:
    counts = Counter(map(_verdict, outcomes))
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    rows = [
        {
            "file": one.mutant.file,
            "change": one.mutant.change,
            "verdict": _verdict(one),
            "by": one.killer or _reason(one),
        }
        for one in outcomes
    ]
    document = {"of": options.of, "seed": options.seed, "all": n_all, "mutants": rows}
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(
            json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        )
    return int(counts[SURVIVED] > 0 or counts["killed"] == 0)


if __name__ == "__main__":
    sys.exit(main())
