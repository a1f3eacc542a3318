"""`brownout proxy`: its flags are those of `Settings`, one for each field."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from brownout_core import __version__
from brownout_core.errors import Unavailable
from brownout_proxy import settings

version_option = click.version_option(
    __version__, "--version", "-v", prog_name="brownout", message="%(prog)s version %(version)s"
)


class _Reading(click.ParamType[Any]):
    """A value as a setting reads it."""

    def __init__(self, flag: settings.Flag) -> None:
        self.name = flag.metavar
        self._read: Callable[[str], Any] = flag.read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _option(flag: settings.Flag) -> click.Option:
    variables = " or ".join(flag.environment)
    default = f"; default: {flag.default}" if flag.default else ""
    help_text = f"{flag.help} [{variables}{default}]"
    if flag.is_switch:
        return click.Option([flag.name], is_flag=True, default=None, help=help_text)
    return click.Option([flag.name], type=_Reading(flag), metavar=flag.metavar, default=None, help=help_text)


_OTHERS = ("proxy-metrics", "runtime-metrics")
"""Switches of Toxiproxy that change nothing here: /metrics is always there."""
_LONG = frozenset(("version", "help", *_OTHERS, *(flag.name.removeprefix("--") for flag in settings.flags())))


def with_two_dashes(word: str) -> str:
    """`-host=0.0.0.0`, as Toxiproxy's server is started, is `--host=0.0.0.0`."""
    name, equals, value = word.removeprefix("-").partition("=")
    if word.startswith("--"):
        name = name.removeprefix("-")
    elif not word.startswith("-") or name not in _LONG:
        return word
    if equals and name in _OTHERS and value.lower() in ("1", "t", "true", "0", "f", "false"):  # as Go reads a switch
        return f"--{name}"
    return f"--{name}{equals}{value}"


class _Command(click.Command):
    """Takes long flags with one dash as well, as Go programs do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*map(with_two_dashes, args[:end]), *args[end:]])


def _run(mappings: tuple[str, ...], **flags: Any) -> None:
    if sys.platform == "win32":
        raise Unavailable("the proxy needs Linux or macOS; on Windows run it in WSL")
    values = {
        name: value for name, value in flags.items() if value is not None and name.replace("_", "-") not in _OTHERS
    }
    from brownout_proxy.cli.serving import serve  # late: the other commands do not need a server

    serve(settings.merged(values, os.environ), mappings)


proxy = _Command(
    "proxy",
    callback=_run,
    params=[
        click.Argument(["mappings"], nargs=-1, metavar="[[NAME@]LISTEN=UPSTREAM]..."),
        *(_option(flag) for flag in settings.flags()),
        *(click.Option([f"--{name}"], is_flag=True, default=None, hidden=True) for name in _OTHERS),
    ],
    short_help="Run the fault proxy.",
    help="""Run the fault proxy until SIGTERM or SIGINT; a second one ends it at once.

    LISTEN is PORT (on 127.0.0.1), HOST:PORT, [V6]:PORT or unix:/path, and so is UPSTREAM. More proxies come from
    --config FILE, which SIGHUP reads again, and over the control API.

    The flags of toxiproxy-server are taken as it has them, with one dash too.

    \b
    brownout proxy 15432=5432
    brownout proxy postgres@15432=db.internal:5432 redis@16379=6379
    brownout proxy --config brownout.yaml --seed 42
    """,
)
version_option(proxy)
