"""The commands about faults: toxic add, update, remove. Kinds, attributes and units come from the declarations.

Those are imported late, because most commands do not need them and start in half the time without.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from brownout_core.errors import InvalidSpec
from brownout_core.spelling import unknown
from brownout_core.units import SHARE, plain
from brownout_proxy.cli.client import Json
from brownout_proxy.cli.session import Group, Session, failing_to, forcible, remote

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from brownout_core.faults.spec import Fault

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


class _Documented(click.Command):
    """A command whose help ends with the faults, as they are declared."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from brownout_core.faults import KINDS

        with formatter.section("Kinds of faults, with their attributes"):
            formatter.write_dl([(kind, _described(fault)) for kind, fault in KINDS.items()])


def _described(fault: type[Fault]) -> str:
    fields = fault.fields()
    listed = ", ".join(f"{name} ({_measure(info)})" for name, info in fields.items())
    return f"{fault.summary()} {f'Attributes: {listed}.' if listed else 'No attributes.'}"


def _measure(info: FieldInfo) -> str:
    from brownout_core.faults.spec import unit_of

    unit = unit_of(info)
    return unit.symbol if unit is not None else "a word"


def _selection_options(function: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--toxicity", "--tox", metavar="SHARE", help="Share of the connections: 0.25 or 25%."),
        click.option("--attribute", "-a", "pairs", multiple=True, metavar="KEY=VALUE",
                     help="300, or with a unit: latency=300ms, rate=10MB/s. May be repeated."),
        click.option("--clients", metavar="CIDR,...", help="Only clients from there, like 10.0.0.0/8."),
        click.option("--first", type=click.IntRange(min=0), metavar="N", help="Only the first N connections from now."),
        click.option("--every", type=click.IntRange(min=0), metavar="N", help="Only every Nth connection from now."),
    )  # fmt: skip
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), function)


toxic = Group(
    "toxic",
    short_help="Add, update or remove a fault of a proxy.",
    help="Add, update or remove a fault of a proxy (a toxic, in Toxiproxy). `brownout toxic add --help` lists all.",
    aliases={"a": "add", "u": "update", "r": "remove", "delete": "remove", "d": "remove"},
)


@toxic.command("add", cls=_Documented, short_help="Add a fault to a proxy.")
@click.option("--type", "-t", "kind", required=True, metavar="KIND", help="The kind of fault; listed below.")
@click.option("--toxicName", "--name", "-n", "name", metavar="NAME", help="Default: KIND_DIRECTION.")
@click.option("--upstream", "-u", "up", is_flag=True, help="On bytes from client to server.")
@click.option("--downstream", "-d", "down", is_flag=True, help="On bytes from server to client (default).")
@_selection_options
@click.argument("proxy")
@remote
def add(
    session: Session,
    proxy: str,
    kind: str,
    name: str | None,
    up: bool,
    down: bool,
    pairs: Sequence[str],
    **options: Any,
) -> None:
    """Add a fault to a proxy; it acts on live connections at once."""
    if up and down:
        raise click.UsageError("use only one of --upstream and --downstream")
    stream = "upstream" if up else "downstream"
    body = {
        "name": name or f"{kind}_{stream}",
        "type": kind,
        "stream": stream,
        "toxicity": 1,
        "attributes": attributes(kind, pairs),
        **selection(options),
    }
    from brownout_core.faults import KINDS

    if kind not in KINDS:
        click.echo(f"note: {kind!r} is an {unknown('kind', kind, KINDS)}", err=True)
    with failing_to("add toxic"):
        made = session.ask("POST", "proxies", proxy, "toxics", body=body)
    _check_taken(body, made)
    session.output.done(f"Added {stream} {kind} toxic '{made['name']}' on proxy '{proxy}'", made)


@toxic.command("update", cls=_Documented, short_help="Change some attributes of a fault.")
@click.option("--toxicName", "--name", "-n", "name", required=True, metavar="NAME", help="The fault's name.")
@_selection_options
@forcible
@click.argument("proxy")
@remote
def update(session: Session, proxy: str, name: str, pairs: Sequence[str], force: bool, **options: Any) -> None:
    """Change some values of a fault; the rest stays. --first 0, --every 0 and --clients '' lift the condition."""
    with failing_to("update toxic"):
        path = ("proxies", proxy, "toxics", name)
        current: Json = session.ask("GET", *path)
        body = {"attributes": attributes(current["type"], pairs), **selection(options)}
        changed = session.ask("PATCH", *path, body=body, force=force)
    _check_taken(body, changed)
    session.output.done(f"Updated toxic '{name}' on proxy '{proxy}'", changed)


@toxic.command("remove", short_help="Remove a fault from a proxy.")
@click.option("--toxicName", "--name", "-n", "name", required=True, metavar="NAME", help="The fault's name.")
@forcible
@click.argument("proxy")
@remote
def remove(session: Session, proxy: str, name: str, force: bool) -> None:
    """Remove a fault from a proxy; its connections go on."""
    with failing_to("remove toxic"):
        session.ask("DELETE", "proxies", proxy, "toxics", name, force=force)
    session.output.done(f"Removed toxic '{name}' on proxy '{proxy}'", {"removed": name})


def _check_taken(asked: Json, answer: Json) -> None:
    """Toxiproxy ignores conditions without an error: then the fault hits every connection."""
    for key in ("clients", "first", "every"):
        if asked.get(key) and not answer.get(key):
            click.echo(f"note: the server does not know --{key}; the fault hits all connections", err=True)


def attributes(kind: str, pairs: Sequence[str]) -> dict[str, Any]:
    """`KEY=VALUE` texts as the API wants them: numbers in the unit that the fault declares. Raises InvalidSpec.

    A kind that is not known here may be known to the server: its numbers go as numbers, the rest as text.
    """
    options = dict(_split(pairs))
    if not options:
        return {}
    from brownout_core.faults import KINDS, make
    from brownout_core.faults.fault_yaml import accepted

    if kind not in KINDS:
        return {key: _guessed(value) for key, value in options.items()}
    for key in options:
        if key not in accepted(KINDS[kind]):
            raise InvalidSpec(f"-a {key}", f"{kind}: {unknown('attribute', key, KINDS[kind].fields())}")
    try:
        fault = make(kind, options, text=True)
    except InvalidSpec as error:
        raise InvalidSpec(f"-a {error.path}", error.reason) from None
    read = fault.model_dump(by_alias=True, exclude_unset=True)
    return {key: value if isinstance(value, str) else plain(value) for key, value in read.items()}


def _split(pairs: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InvalidSpec(f"-a {pair}", "is not KEY=VALUE; write it like -a latency=300ms")
        yield key.strip(), value.strip()


def _guessed(value: str) -> int | float | str:
    return plain(float(value)) if _NUMBER.fullmatch(value) else value


def selection(options: dict[str, Any]) -> dict[str, Any]:
    """The conditions of the options, as the API wants them. Raises InvalidSpec."""
    chosen: dict[str, Any] = {key: options[key] for key in ("first", "every") if options.get(key) is not None}
    if options.get("toxicity") is not None:
        chosen["toxicity"] = _share(options["toxicity"])
    if options.get("clients") is not None:
        chosen["clients"] = [_client(block.strip()) for block in options["clients"].split(",") if block.strip()]
    return chosen


def _share(text: str) -> int | float:
    try:
        share = SHARE.parse(text)
    except ValueError as error:
        raise InvalidSpec("--toxicity", str(error)) from None
    if not 0 <= share <= 1:
        raise InvalidSpec("--toxicity", f"{text} is out of range; it must be from 0 to 1 (0 % to 100 %)")
    return plain(share)


def _client(block: str) -> str:
    from brownout_core.faults.fault_yaml import client_block

    try:
        return client_block(block)
    except InvalidSpec as error:
        raise InvalidSpec("--clients", error.reason) from None
