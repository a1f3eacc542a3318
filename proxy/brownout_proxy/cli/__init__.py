"""The command line. It turns words into requests or settings, and errors into one line and an exit status.

`brownout` has all commands; `brownout-proxy`, for small images, is `brownout proxy` alone.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

import click

from brownout_core.errors import BrownoutError, Unavailable
from brownout_core.safe_text import LineFormatter, block, printable
from brownout_core.status import INTERNAL, status_of
from brownout_proxy.cli import proxies
from brownout_proxy.cli.proxy import proxy, version_option
from brownout_proxy.cli.session import Group, Target, shared_options
from brownout_proxy.cli.toxics import toxic

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Root(Group):
    """The data plane's commands, and those that other packages declare as entry points: the control plane's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self._declared()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = super().get_command(ctx, name)
        if command is not None or name not in (declared := self._declared()):
            return command
        try:
            loaded = declared[name].load()
        except ImportError as error:
            missing = str(error.name or error).partition(".")[0]
            raise click.ClickException(
                f"{name} needs {missing}: install Brownout with its extra `controller`, see README"
            ) from None
        assert isinstance(loaded, click.Command), declared[name].value
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Those of the control plane have a list of their own, as they talk to no proxy that is named with --host."""
        for title, names in (("Commands", super().list_commands(ctx)), ("Experiments", sorted(self._declared()))):
            if names:
                width = formatter.width - 6 - max(map(len, names))
                with formatter.section(title):
                    formatter.write_dl([(name, self._short_help(ctx, name, width)) for name in names])

    def _short_help(self, ctx: click.Context, name: str, width: int) -> str:
        """A command that lacks its packages has a line all the same: the proxy is often installed alone."""
        try:
            command = self.get_command(ctx, name)
        except click.ClickException:
            return "Needs the extra `controller`: see README."
        return "" if command is None else command.get_short_help_str(width)

    @functools.cache  # noqa: B019  there is one group in a process
    def _declared(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group="brownout.commands")}


@click.group("brownout", cls=_Root, aliases={**proxies.ALIASES, "t": "toxic"})
@shared_options
@version_option
@click.pass_context
def root(context: click.Context, url: str | None, token: str | None, as_json: bool) -> None:
    """Break your own system on purpose: a fault proxy, and the commands that control it.

    `brownout proxy 15432=5432` starts one; the other commands talk to it. Who knows toxiproxy-cli knows them.
    """
    context.obj = Target(url, token, as_json)
    if as_json:
        context.default_map = {name: {"as_json": True} for name in root.list_commands(context)}


root.add_command(proxy)
for _command in proxies.COMMANDS:
    root.add_command(_command)
root.add_command(toxic)


_SERVERS = ("brownout-proxy", "toxiproxy", "toxiproxy-server")
"""Names under which the program is the proxy alone; the first is a script of its own, the others are links to one."""


def main() -> None:
    """The console script `brownout`, and what it is called as a link, such as toxiproxy-cli."""
    name = os.path.basename(sys.argv[0]).removesuffix(".exe")
    if name in _SERVERS:
        sys.exit(_settled(run(proxy, sys.argv[1:], name)))
    sys.exit(_settled(run(root, sys.argv[1:], name if name == "toxiproxy-cli" else "brownout")))


def proxy_main() -> None:
    """The console script `brownout-proxy`, which as a link may be toxiproxy-cli as well."""
    if os.path.basename(sys.argv[0]).removesuffix(".exe") in (*_SERVERS[1:], "toxiproxy-cli"):
        main()
    sys.exit(_settled(run(proxy, sys.argv[1:], "brownout-proxy")))


def _settled(status: int) -> int:
    """The exit status, whatever becomes of what is still in the streams: Python ends with 120 where it cannot write,
    as on a full disk. Whoever wrote it has learnt that it failed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):  # it is no file
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
    return status


def run(command: click.Command, words: Sequence[str], name: str) -> int:
    """Runs a command and gives its exit status; what goes wrong is one line on stderr.

    A reader of our output that has left is no error to report: click ends the process itself, with status 1.
    """
    _make_writable()
    if logging.lastResort is not None:  # what logs before, or without, a command's own way to do it
        logging.lastResort.setFormatter(LineFormatter())
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its lines on stderr are beside ours, which report the same
    try:
        status = command.main(list(words), name, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _failed(_message(error, name), error.exit_code)
    except BrownoutError as error:
        return _failed("\n".join(f"{name}: {line}" for line in str(error).splitlines()), status_of(error).exit)
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return _failed(f"{name}: the output could not be written: no space left", status_of(Unavailable("")).exit)
        click.echo(block(traceback.format_exc()), err=True, nl=False)
        return _failed(f"{name}: this is a bug of brownout; please report the lines above", INTERNAL.exit)


def _make_writable() -> None:
    """Takes care that output fails nowhere: streams that were closed swallow it, letters that the terminal's encoding
    lacks are written as escapes."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _message(error: click.ClickException, name: str) -> str:
    text = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else name
        return f"{path}: {text.rstrip('.')}; see {path} --help"
    return text


def _failed(text: str, status: int) -> int:
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)
    return status
