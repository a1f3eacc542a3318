"""The questions of `brownout init` at a terminal: services and calls, the most important flow, the URL of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from brownout_catalogue.architecture import Architecture, Outline, mistakes
from brownout_catalogue.rendering.listing import Listing
from brownout_catalogue.scoring.criticality import Criticality, FlowImpact
from brownout_controller.cli.console.output import echo
from brownout_controller.cli.experiment_folder import entries
from brownout_core.errors import InvalidSpec
from brownout_core.units import SECONDS


def ask_for_services() -> Mapping[str, Any]:
    """Names and calls, as architecture.yaml has them."""
    names = _list(click.prompt("Which services, databases, caches and queues are there? (names, with commas)"))
    services: dict[str, Any] = {name: {} for name in names}
    for name in names:
        others = [other for other in names if other != name]
        if not others:
            continue
        while True:
            called = _list(
                click.prompt(f"Which of them does {name} call? (enter for none)", default="", show_default=False)
            )
            strange = [other for other in called if other not in others]
            if not strange:
                break
            echo(f"there is no {', '.join(strange)} besides {name}; there are {', '.join(others)}")
        if called:
            services[name] = {"calls": {other: {} for other in called}}
    return services


def ask_for_flow(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The flow that matters most, as architecture.yaml has it; empty where nothing calls anything."""
    architecture = Architecture.model_validate({**content, "flows": {}})
    ways = [way for entry in Criticality(architecture).entries for way in architecture.paths_down(entry)]
    if not ways:
        return {}
    longest = max(ways, key=len)
    usual = [longest[0].source, *(edge.sink for edge in longest)]
    while True:
        path = _list(
            click.prompt("Which services do the most important requests go through?", default=", ".join(usual))
        )
        outline = Outline.model_validate({**content, "flows": {"main": {"path": path}}})
        mistake = next(mistakes(outline), None)
        if mistake is None:
            break
        echo(mistake.reason)
    tolerance = click.prompt("How long may an answer take before people leave?", default="2s", value_proc=_time)
    return {"main": {"path": path, "tolerance": tolerance}}


def ask_for_url(flow: FlowImpact, usual: str, catalogue: Listing) -> str:
    """The URL of the requests of a flow, from a person."""

    def checked(text: str) -> str:
        try:
            return entries((f"={text}",), catalogue)[""]
        except InvalidSpec as error:
            raise click.UsageError(error.reason) from None

    question = f"The URL of a request to {flow.flow.path[0]} that changes nothing"
    url: str = click.prompt(question, default=usual, value_proc=checked)
    return url


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _time(text: str) -> str:
    try:
        if SECONDS.parse(text) > 0:
            return text
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    raise click.UsageError("must be longer than nothing")
