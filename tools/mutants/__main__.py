"""`python -m tools.mutants` makes each mistake of mutants.yaml in a copy, and runs the tests that must fail.

Exit status: 0 if every mistake was noticed, 1 if one was not, 2 if the list does not fit the tree.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
_COPIED: Final = ("proxy", "controller", "tests", "tools", "docs", "examples", "deploy", "pyproject.toml", "README.md")
_SECONDS: Final = 300
"""For the tests of one mistake. A mutant that hangs them is noticed, too."""


def mutants() -> list[dict[str, Any]]:
    """The list, checked against the tree. Raises ValueError for a line that is not there once."""
    found: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("mutants.yaml").read_text("utf-8"))
    for one in found:
        count = (ROOT / one["file"]).read_text("utf-8").count(one["line"])
        if count != 1 and not (one.get("all") and count):
            raise ValueError(f"{one['file']}: {one['line']!r} is there {count} times; name a part that is there once")
        for test in one["tests"].split():
            if not (ROOT / test).is_file():
                raise ValueError(f"{one['file']}: {test} is not there")
    return found


def is_noticed(one: dict[str, Any], tree: Path) -> bool:
    """Whether its tests fail in `tree`, a copy of the repository, with the mistake in place."""
    path = tree / one["file"]
    text = path.read_text("utf-8")
    path.write_text(text.replace(one["line"], one["becomes"]), "utf-8")
    roots = os.pathsep.join(str(tree / name) for name in ("proxy", "controller", "."))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n0", "--no-cov"]
    try:
        done = subprocess.run(
            [*command, *one["tests"].split()], cwd=tree, env=os.environ | {"PYTHONPATH": roots},
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(text, "utf-8")
    if done.returncode not in (0, 1):
        raise RuntimeError(
            f"{one['file']}: pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
    return done.returncode == 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="so many at a time (2)")
    options = parser.parse_args()
    try:
        every = mutants()
    except ValueError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    trees: SimpleQueue[Path] = SimpleQueue()
    with TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(options.jobs) as pool:
        for number in range(options.jobs):
            tree = Path(folder, str(number))
            for name in _COPIED:
                source = ROOT / name
                if source.is_dir():
                    shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, tree / name)
            trees.put(tree)

        def run(one: dict[str, Any]) -> bool:
            tree = trees.get()
            try:
                return is_noticed(one, tree)
            finally:
                trees.put(tree)

        survivors = 0
        for one, noticed in zip(every, pool.map(run, every), strict=True):
            survivors += not noticed
            print(
                f"{'noticed ' if noticed else 'SURVIVED'}  {one['file']}: {one['line']} -> {one['becomes']}", flush=True
            )
    print(f"{len(every) - survivors} of {len(every)} mistakes were noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
