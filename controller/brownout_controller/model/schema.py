"""JSON schemas of our files, computed from what declares them: editors complete and check by these.

A schema describes the form; whether a duration is sensible or a variable is set is checked when the file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from brownout_controller.model.environment import Environments
from brownout_controller.model.experiment import Conditions
from brownout_controller.model.hypothesis import Terms
from brownout_controller.model.probe import ProbeSpec
from brownout_core.faults import KINDS as FAULTS
from brownout_core.faults.fault_yaml import accepted
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, Fault, unit_of

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALAR: Final = ["string", "number", "boolean"]


def experiment(probes: Mapping[str, type[ProbeSpec]]) -> Schema:
    """Of an experiment file. `probes` are the kinds that a hypothesis may have."""
    conditions = _object(Conditions)
    definitions = conditions.pop("$defs", {})
    hypothesis = _hypothesis(probes, definitions)
    properties = {
        **conditions["properties"],
        "fault": {"$ref": "#/$defs/Fault", "description": "What is injected: {latency: 3s}."},
        "faults": {
            "type": "array",
            "items": {"$ref": "#/$defs/Fault"},
            "minItems": 1,
            "description": "Several of them.",
        },
        "hypotheses": {
            "type": "array",
            "items": {"$ref": "#/$defs/Hypothesis"},
            "minItems": 1,
            "description": "What must hold.",
        },
    }
    return {
        "$schema": DIALECT,
        "title": "Brownout experiment",
        "type": "object",
        "properties": properties,
        "required": [*conditions["required"], "hypotheses"],
        "oneOf": [{"required": ["fault"]}, {"required": ["faults"]}],
        "additionalProperties": False,
        "$defs": {**definitions, "Fault": _fault(), "Hypothesis": hypothesis},
    }


def environments() -> Schema:
    """Of brownout.yaml."""
    return of(Environments, "Brownout environments")


def of(model: type[BaseModel], title: str) -> Schema:
    """Of a file that is one model from its root on."""
    return {"$schema": DIALECT, **_object(model), "title": title}


def _hypothesis(probes: Mapping[str, type[ProbeSpec]], definitions: Schema) -> Schema:
    terms = _object(Terms)
    definitions.update(terms.pop("$defs", {}))
    properties = dict(terms["properties"])
    for kind, probe in probes.items():
        declared = _object(probe)
        definitions.update(declared.pop("$defs", {}))
        meant = declared["properties"][probe.scalar]
        short = {"type": ["string", "number"], "description": meant.get("description", "")}
        if "enum" in meant:
            short["enum"] = meant["enum"]
        properties[kind] = {"anyOf": [short, declared], "description": probe.summary()}
    return {
        "type": "object",
        "properties": properties,
        "required": terms["required"],
        "oneOf": [{"required": [kind]} for kind in probes],
        "additionalProperties": False,
    }


def _fault() -> Schema:
    """An entry: the word alone, or a mapping with the kind, its conditions, a name and a direction."""
    conditions: Schema = {
        "name": {"type": "string", "minLength": 1},
        "direction": {"enum": [UPSTREAM, DOWNSTREAM]},
        "toxicity": {"type": ["string", "number"], "description": "share of the connections: 0.25 or 25%"},
        "clients": {"type": ["array", "string"], "description": "networks such as 10.0.0.0/8"},
        "first": {"type": ["integer", "string"], "description": "only the first N connections"},
        "every": {"type": ["integer", "string"], "description": "only every Nth connection"},
    }
    kinds = {kind: _attributes(fault) for kind, fault in FAULTS.items()}
    return {
        "anyOf": [
            {"enum": list(FAULTS)},
            {
                "type": "object",
                "properties": {**kinds, **conditions},
                "oneOf": [{"required": [kind]} for kind in FAULTS],
                "additionalProperties": False,
            },
        ]
    }


def _attributes(fault: type[Fault]) -> Schema:
    properties = {}
    for name in sorted(accepted(fault)):
        info = fault.fields().get(name)
        unit = unit_of(info) if info is not None else None
        properties[name] = {"type": _SCALAR, **({"description": f"in {unit.symbol}, or with a unit"} if unit else {})}
    attributes = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"description": fault.summary(), "anyOf": [{"type": [*_SCALAR, "null"]}, attributes]}


def _object(model: type[BaseModel]) -> Schema:
    """As pydantic has it: validation's form, with the names that are written."""
    found: Schema = _without_patterns(model.model_json_schema(by_alias=True, mode="validation"))
    return found


def _without_patterns(content: Any) -> Any:
    """A `${VARIABLE}` may stand where a text has to look in a certain way."""
    if isinstance(content, dict):
        return {
            key: _without_patterns(item)
            for key, item in content.items()
            if key != "pattern" or not isinstance(item, str)
        }
    return [_without_patterns(item) for item in content] if isinstance(content, list) else content
