"""The results as a file. A run of some sections replaces their figures, and keeps the others with the facts of theirs.

Only figures of one run can be compared with each other, so each section belongs to exactly one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.plot import plot
from bench.stats import Samples
from bench.targets import judged


def save(
    samples: Samples, sections: Sequence[str], facts: Mapping[str, Any], machine: Mapping[str, str], folder: Path
) -> None:
    """Writes JSON and plot. `facts` are what has to be known of this run, `sections` what it was asked to measure."""
    path = folder / "latest.json"
    before = json.loads(path.read_text()) if path.exists() else {"runs": [], "figures": {}}
    whole, runs = _merged(before, samples, sections)
    runs.append({"sections": list(sections), "machine": machine, **facts, "failures": samples.failures})
    targets = [
        {"target": target.text, "bound": target.bound, "limit": target.limit, "unit": target.unit}
        | {"measured": value, "verdict": verdict}
        for target, value, verdict in judged(whole)
    ]
    document = {"runs": runs, "figures": _figures(whole), "targets": targets}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    (folder / "latest.svg").write_text(plot(whole, runs[0]["machine"]))


def _merged(
    before: Mapping[str, Any], samples: Samples, sections: Sequence[str]
) -> tuple[Samples, list[dict[str, Any]]]:
    """All figures, and the earlier runs that still have some."""
    whole = Samples()
    for section, relays in before["figures"].items():
        for relay, metrics in relays.items():
            for metric, figures in metrics.items():
                whole.values[section, relay, metric] = figures["rounds"]
    whole.values |= samples.values
    runs = []
    for run in before["runs"]:
        left = [section for section in run["sections"] if section not in sections]
        if left:
            runs.append({**run, "sections": left})
    return whole, runs


def _figures(samples: Samples) -> dict[str, dict[str, dict[str, object]]]:
    figures: dict[str, dict[str, dict[str, object]]] = {}
    for (section, relay, metric), values in samples.values.items():
        median = samples.median(section, relay, metric)
        figures.setdefault(section, {}).setdefault(relay, {})[metric] = {"median": median, "rounds": values}
    return figures
