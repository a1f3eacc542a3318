"""The commands about proxies of a running process: list, inspect, create, toggle, delete, populate, reset, wait."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brownout_core import address
from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.safe_text import printable
from brownout_core.units import SECONDS
from brownout_proxy.cli.client import Json, Refused
from brownout_proxy.cli.formatting import attributes_in_words, hits_in_words, selection_in_words, toxic_line
from brownout_proxy.cli.session import Session, failing_to, forcible, remote

if TYPE_CHECKING:  # late in fact: a command that does not need them starts in half the time
    from brownout_proxy.server.config import Config
    from brownout_proxy.server.proxy import ProxySpec

_HEADING = ("Name", "Listen", "Upstream", "State", "Faults")


@click.command("list", short_help="List all proxies.")
@remote
def list_proxies(session: Session) -> None:
    """List all proxies: name, listen, upstream, enabled or disabled, number of faults."""
    with failing_to("retrieve proxies"):
        proxies = session.ask("GET", "proxies")
    if session.output.as_json:
        session.output.data(proxies)
        return
    _show(session, list(proxies.values()))


def _show(session: Session, proxies: list[Json]) -> None:
    rows = [_row(proxy) for proxy in sorted(proxies, key=lambda proxy: proxy["name"].encode())]
    if not session.output.terminal:
        for row in rows:
            session.output.tabbed(*row)
    elif rows:
        session.output.table(_HEADING, rows)
    else:
        session.output.line("There is no proxy; make one: brownout create -l 15432 -u localhost:5432 postgres")


def _row(proxy: Json) -> tuple[str, ...]:
    faults = str(len(proxy.get("toxics") or ()))
    return (proxy["name"], proxy["listen"], proxy["upstream"], _state(proxy), faults)


def _state(proxy: Json) -> str:
    return "enabled" if proxy["enabled"] else "disabled"


@click.command("inspect", short_help="Show the faults of a proxy.")
@click.argument("proxy")
@remote
def inspect(session: Session, proxy: str) -> None:
    """Show the faults of a proxy."""
    with failing_to(f"retrieve proxy {proxy}"):
        found = session.ask("GET", "proxies", proxy, status=True)
    toxics = found.get("toxics") or []
    status = found.get("status") or {}  # Toxiproxy knows none
    if session.output.as_json:
        session.output.data(found)
    elif session.output.terminal:
        session.output.table(_HEADING, [_row(found)])
        session.output.line()
        if status.get("last_error"):
            since = "now" if status["unreachable"] else "before, not any more"
            session.output.line(printable(f"Upstream not reached ({since}): {status['last_error']}"))
            session.output.line()
        _show_toxics(session, toxics)
    else:
        for toxic in toxics:
            session.output.tabbed(*toxic_line(toxic))


def _show_toxics(session: Session, toxics: list[Json]) -> None:
    if not toxics:
        session.output.line("No faults; add one: brownout toxic add -t latency -a latency=300ms PROXY")
        return
    rows = [
        (
            toxic["name"], toxic["type"], toxic["stream"], attributes_in_words(toxic), selection_in_words(toxic),
            hits_in_words(toxic), toxic.get("lease", ""),
        )
        for toxic in toxics
    ]  # fmt: skip
    heading = ("Fault", "Kind", "Direction", "Attributes", "Connections", "Hits", "Lease")
    filled = [column for column in range(len(heading)) if any(row[column] for row in rows)]
    session.output.table([heading[n] for n in filled], [[row[n] for n in filled] for row in rows])


@click.command("create", short_help="Make a proxy.")
@click.option("--listen", "-l", required=True, metavar="ADDRESS", help="Where clients connect; PORT is on 127.0.0.1.")
@click.option("--upstream", "-u", required=True, metavar="ADDRESS", help="Where their bytes go.")
@click.argument("proxy")
@remote
def create(session: Session, proxy: str, listen: str, upstream: str) -> None:
    """Make a proxy."""
    body = {"name": proxy, "listen": _full(listen), "upstream": _full(upstream), "enabled": True}
    _check_upstream(body["upstream"])
    with failing_to("create proxy: create"):
        made = session.ask("POST", "proxies", body=body)
    session.output.done(f"Created new proxy {proxy}", made)


def _check_upstream(text: Any) -> None:
    """The server takes any text, as Toxiproxy does, and finds out when it dials."""
    try:
        address.parse(text)
    except InvalidSpec as error:
        click.echo(printable(f"note: the upstream cannot be dialled: {error}"), err=True)


def _full(text: str) -> str:
    """A bare port is on loopback; the rest is for the server to judge."""
    return f"127.0.0.1:{text}" if text.isdigit() else text


@click.command("toggle", short_help="Enable a disabled proxy, disable an enabled one.")
@forcible
@click.argument("proxy")
@remote
def toggle(session: Session, proxy: str, force: bool) -> None:
    """Enable a disabled proxy, disable an enabled one."""
    with failing_to(f"retrieve proxy {proxy}"):
        enabled = session.ask("GET", "proxies", proxy)["enabled"]
    _enable(session, proxy, not enabled, force)


@click.command("enable", short_help="Let a proxy listen.")
@forcible
@click.argument("proxy")
@remote
def enable(session: Session, proxy: str, force: bool) -> None:
    """Let a proxy listen."""
    _enable(session, proxy, True, force)


@click.command("disable", short_help="Stop a proxy and close its connections.")
@forcible
@click.argument("proxy")
@remote
def disable(session: Session, proxy: str, force: bool) -> None:
    """Stop a proxy and close its connections; its faults stay."""
    _enable(session, proxy, False, force)


def _enable(session: Session, proxy: str, enabled: bool, force: bool) -> None:
    with failing_to(f"{'enable' if enabled else 'disable'} proxy {proxy}"):
        # POST: servers before 2.6 know no PATCH
        changed = session.ask("POST", "proxies", proxy, body={"enabled": enabled}, force=force)
    session.output.done(f"Proxy {proxy} is now {_state(changed)}", changed)


@click.command("delete", short_help="Remove a proxy and close its connections.")
@forcible
@click.argument("proxy")
@remote
def delete(session: Session, proxy: str, force: bool) -> None:
    """Remove a proxy and close its connections."""
    with failing_to(f"retrieve proxy {proxy}"):
        session.ask("DELETE", "proxies", proxy, force=force)
    session.output.done(f"Deleted proxy {proxy}", {"deleted": proxy})


@click.command("populate", short_help="Make the proxies of a file.")
@click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
@forcible
@remote
def populate(session: Session, file: str, force: bool) -> None:
    """Make the proxies of a config FILE, ours or Toxiproxy's; - is stdin.

    A proxy that exists with the same addresses is left as it is.
    """
    config = _read(file)
    with failing_to("populate"):
        answer = session.ask("POST", "populate", body=[_body(spec) for spec in config.proxies], force=force)
    if session.output.as_json:
        session.output.data(answer)
    else:
        _show(session, answer["proxies"] or [])


def _read(file: str) -> Config:
    from brownout_proxy.server import config as config_file

    return config_file.parse(sys.stdin.read(), "stdin") if file == "-" else config_file.load(Path(file))


def _body(spec: ProxySpec) -> dict[str, Any]:
    from brownout_proxy.api.toxics import show_toxic

    return {
        "name": spec.name,
        "listen": spec.listen,
        "upstream": spec.upstream,
        "enabled": spec.enabled,
        "toxics": [show_toxic(fault) for fault in spec.faults],
    }


@click.command("reset", short_help="Enable all proxies, remove all faults.")
@forcible
@remote
def reset(session: Session, force: bool) -> None:
    """Enable all proxies and remove all faults, but for what a running experiment has under a lease."""
    with failing_to("reset"):
        session.ask("POST", "reset", force=force)
    session.output.done("Enabled all proxies and removed all faults", {"reset": True})


@click.command("wait", short_help="Wait until the proxy process answers.")
@click.option("--for", "patience", default="30s", show_default=True, metavar="TIME", help="Then give up.")
@remote
def wait(session: Session, patience: str) -> None:
    """Wait until the proxy process answers; exit status 1 if it does not in time."""
    try:
        seconds = SECONDS.parse(patience)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from None
    deadline = time.monotonic() + seconds
    while True:
        try:
            version = session.ask("GET", "version")
            break
        except (Unavailable, Refused) as error:
            if time.monotonic() >= deadline:
                raise click.ClickException(f"not ready after {patience}: {error}") from None
        time.sleep(0.05)
    session.output.done(f"{session.client.url} is ready", version)


@click.command("health", short_help="Whether the proxy process answers, for health checks.")
@remote
def health(session: Session) -> None:
    """Exit status 0 if the proxy process answers, and 1 if it does not: for the health check of an image."""
    with failing_to("reach the proxy process"):
        version = session.ask("GET", "version")
    session.output.done("ok", version)


COMMANDS = (list_proxies, inspect, create, toggle, enable, disable, delete, populate, reset, wait, health)
"""In the order of the help."""
ALIASES = {
    "l": "list", "li": "list", "ls": "list", "i": "inspect", "ins": "inspect", "c": "create", "new": "create",
    "tog": "toggle", "d": "delete",
}  # fmt: skip
