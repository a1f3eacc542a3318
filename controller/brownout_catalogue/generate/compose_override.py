"""compose.brownout.yaml: the proxies as a service of a compose project, with the project's callers redirected to it.

It is an override: `docker compose -f compose.yaml -f compose.brownout.yaml up`. Without it the project is as it was.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.edge_proxies import LOOPBACK, MACHINE, EdgeProxy
from brownout_catalogue.generate.redirects import ComposeProject, ManualStep, Redirect, redirects
from brownout_catalogue.importers.source import mapping
from brownout_catalogue.importers.yaml.architecture_file import flow, scalar
from brownout_core.formatting import line

COMPOSE_OVERRIDE: Final = "compose.brownout.yaml"
_GRPC: Final = 8473
"""The proxy's control port: 8473 is what an environment assumes."""
_CONFIG: Final = "/etc/brownout.yaml"
_WIDTH: Final = 116
_ALIVE: Final = f"import socket; socket.create_connection(('{LOOPBACK}', {_GRPC}), 2).close()"
_DEFAULT: Final = "default"
"""The network of services that name none."""


def service_name(services: Collection[str]) -> str:
    """The proxy's service: `brownout`, or the next name that the project does not have."""
    names = ("brownout", "brownout-proxy", *(f"brownout-proxy-{number}" for number in range(2, len(services) + 3)))
    return next(name for name in names if name not in services)


def redirected(
    project: ComposeProject, architecture: Architecture, proxies: Sequence[EdgeProxy], calls: Collection[str]
) -> Sequence[Redirect | ManualStep]:
    """How each of the calls (`orders -> db`) reaches its proxy; requests from outside need nothing."""
    return [
        made
        for proxy in proxies
        for edge in architecture.callers(proxy.sink)
        if edge.name in calls
        for made in redirects(project, proxy, edge.source)
    ]


def compose_override(
    project: ComposeProject, proxies: Sequence[EdgeProxy], made: Sequence[Redirect | ManualStep],
    up: str, config: str,
) -> str:  # fmt: skip
    """The file. `up` is the command that starts the project with it, `config` brownout.yaml as the project finds it."""
    return (
        "\n".join([*_head(project, made, up), *_service(project, proxies, made, config), *_callers(project, made)])
        + "\n"
    )


def _head(project: ComposeProject, made: Sequence[Redirect | ManualStep], up: str) -> Iterator[str]:
    yield from _comment(
        "Written by `brownout init`: the proxies of brownout.yaml as a service, and callers that use them."
    )
    yield from _comment(f"Start the system with it: {up}")
    by_hand = [one for one in made if isinstance(one, ManualStep)]
    if by_hand:
        yield "#"
        yield from _comment("These calls go past the proxies until you redirect them:")
        for one in by_hand:
            yield from _comment(f"{one.source} -> {one.sink}: {one.why}. To do: {one.step}.", "  - ")
    yield ""


def _service(
    project: ComposeProject, proxies: Sequence[EdgeProxy], made: Sequence[Redirect | ManualStep], config: str
) -> Iterator[str]:
    yield "services:"
    yield f"  {project.proxy}:"
    yield from _comment("Build the image from a checkout of Brownout: docker build --tag brownout PATH", margin="    ")
    yield "    image: ${BROWNOUT_IMAGE:-brownout}"
    words = ["--config", _CONFIG, "--host", "0.0.0.0", "--port", "off", "--grpc-port", str(_GRPC), "--insecure-no-auth"]
    yield from _comment(
        "Containers of this project reach the control port, this machine reaches it on loopback, and nobody else does. "
        "It asks for a token if BROWNOUT_TOKEN is set, here and for `brownout run`.", margin="    ",
    )  # fmt: skip
    yield f"    command: {flow(words)}"
    yield '    environment: {BROWNOUT_TOKEN: "${BROWNOUT_TOKEN:-}"}'
    yield f"    volumes: [{scalar(f'{config}:{_CONFIG}:ro')}]"
    yield "    ports:"
    yield f'      - "{LOOPBACK}:{_GRPC}:{_GRPC}"'
    for proxy in proxies:
        if proxy.published is not None:
            yield f'      - "{LOOPBACK}:{proxy.published}:{proxy.listen}"  # {line(proxy.proxy)}'
    if any(proxy.upstream.startswith(f"{MACHINE}:") for proxy in proxies):
        yield f'    extra_hosts: ["{MACHINE}:host-gateway"]'
    networks = _networks(project, proxies, made)
    if networks != [_DEFAULT]:
        yield f"    networks: {flow(networks)}"
    yield "    healthcheck:"
    yield f"      test: [CMD, /opt/brownout/bin/python, -c, {scalar(_ALIVE)}]"
    yield "      interval: 2s"
    yield "      retries: 15"


def _networks(
    project: ComposeProject, proxies: Sequence[EdgeProxy], made: Sequence[Redirect | ManualStep]
) -> list[str]:
    """Those of all callers that use the proxies, and of all that the proxies stand before."""
    ends = {one.source for one in made if isinstance(one, Redirect)} | {proxy.sink for proxy in proxies}
    found = {
        network: None
        for name, service in project.services.items()
        if name in ends and "network_mode" not in service
        for network in mapping(service.get("networks")) or (_DEFAULT,)
    }
    return list(found) or [_DEFAULT]


def _callers(project: ComposeProject, made: Sequence[Redirect | ManualStep]) -> Iterator[str]:
    """The settings and links of each caller."""
    callers: dict[str, list[Redirect]] = {}
    for one in made:
        if isinstance(one, Redirect):
            callers.setdefault(one.source, []).append(one)
    for name, changes in callers.items():
        yield f"  {scalar(name)}:"
        settings = [one for one in changes if one.key]
        if settings:
            yield "    environment:"
            for one in settings:
                yield from _comment(f"{one.source} -> {one.sink}; it was set at {_place(one)}", margin="      ")
                yield f"      {scalar(one.key)}: {scalar(one.value)}"
        aliased = [one for one in changes if one.alias]
        if aliased:
            yield "    links:"
            for one in aliased:
                yield from _comment(f"{one.source} -> {one.sink} by name, as {one.because}", margin="      ")
                yield f"      - {scalar(f'{project.proxy}:{one.alias}')}"
        yield f"    depends_on: {{{project.proxy}: {{condition: service_healthy}}}}"


def _place(redirect: Redirect) -> str:
    return "another file" if redirect.place is None else str(redirect.place)


def _comment(text: str, first: str = "", margin: str = "") -> list[str]:
    start, rest = f"{margin}# {first}", f"{margin}# {' ' * len(first)}"
    return textwrap.wrap(line(text), _WIDTH, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False)
