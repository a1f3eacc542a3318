"""An experiment as the command line has it, with the real probes and those of the engine's tests."""

from __future__ import annotations

import json
from typing import Any

from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.probes import KINDS
from brownout_proxy import document
from tests.controller.engine.ground import EDGE, Stuck, Told


def claimed(*hypotheses: dict[str, Any], **changes: Any) -> Experiment:
    """One on `EDGE` with short phases, and by default the claim that TOLD["value"] is below 10."""
    quick = {"every": "0.1s", "window": "0.1s", "settle": 0}
    claims = hypotheses or ({"name": "value is low", "told": "value", "expect": "< 10"},)
    content = {
        "name": "try", "edge": EDGE, "fault": {"latency": "1s"}, "duration": "0.3s", "baseline": "0.1s",
        "recovery": "0.1s", "lease": "1s", "hypotheses": [{**quick, **claim} for claim in claims], **changes,
    }  # fmt: skip
    value = document.parse(json.dumps(content), "try.json", columns=True)
    return read_experiment(value, "try.json", {**KINDS, "told": Told, "stuck": Stuck})
