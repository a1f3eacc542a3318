"""What the commands that talk to a running proxy have in common: which server, which token, which form of output.

`--host`, `--token` and `--json` are understood before the command and after it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from brownout_core.address import WILDCARDS
from brownout_core.errors import Unavailable
from brownout_core.spelling import unknown
from brownout_core.token_file import read_token
from brownout_proxy.cli.client import DEFAULT_URL, Client, Refused
from brownout_proxy.cli.output import Output


@dataclass(frozen=True, slots=True)
class Target:
    """The options before the command."""

    url: str | None = None
    token: str | None = None
    as_json: bool = False


class Session:
    """One command's server and output."""

    def __init__(self, client: Client, output: Output) -> None:
        self.client = client
        self.ask = client.ask
        self.output = output


_Function = Callable[..., None]
_SHARED = (
    click.option(
        "--host",
        "-h",
        "url",
        metavar="URL",
        help=f"The control API [BROWNOUT_URL or TOXIPROXY_URL; default: {DEFAULT_URL}].",
    ),
    click.option("--token", metavar="TOKEN", help="What the API asks for; better in BROWNOUT_TOKEN."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else."),
)


def shared_options(function: _Function) -> _Function:
    for option in reversed(_SHARED):
        function = option(function)
    return function


def remote(function: Callable[..., None]) -> _Function:
    """Makes a command of a function whose first argument is a Session."""

    @shared_options
    @click.pass_context
    @functools.wraps(function)
    def command(
        context: click.Context, /, *args: Any, url: str | None, token: str | None, as_json: bool, **options: Any
    ) -> None:
        before = context.find_object(Target) or Target()
        environment = _Environment()
        client = Client(url or before.url or environment.url, token or before.token or environment.token)
        function(Session(client, Output(as_json=as_json or before.as_json)), *args, **options)

    return command


class _Environment:
    """Where the server is by the environment. Toxiproxy's variable counts where ours is not set."""

    def __init__(self) -> None:
        self.url = os.environ.get("BROWNOUT_URL") or os.environ.get("TOXIPROXY_URL") or self._beside()
        self.token = os.environ.get("BROWNOUT_TOKEN") or self._token()

    def _beside(self) -> str:
        """Where a proxy process listens that has the same environment, as in a container."""
        port = os.environ.get("BROWNOUT_PORT", "")
        if not port.isdigit():  # Kubernetes sets it to tcp://... for a Service called brownout
            return DEFAULT_URL
        host = os.environ.get("BROWNOUT_HOST", "").strip().strip("[]")
        host = "localhost" if host in WILDCARDS else host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _token(self) -> str | None:
        file = os.environ.get("BROWNOUT_TOKEN_FILE")
        return read_token(Path(file)) if file else None


forcible = click.option("--force", is_flag=True, help="Though it is under the lease of a running experiment.")
"""For commands that change what may be under a lease."""


@contextmanager
def failing_to(deed: str) -> Iterator[None]:
    """Names what a command failed at: `Failed to create proxy: ...`; its exit status is 1."""
    try:
        yield
    except (Refused, Unavailable) as error:
        raise click.ClickException(f"Failed to {deed}: {error}") from None


class Group(click.Group):
    """A group whose commands have aliases and which guesses at what was meant."""

    def __init__(self, *args: Any, aliases: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._aliases = dict(aliases or {})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return super().get_command(ctx, self._aliases.get(name, name))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of adding, not of the alphabet

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"{name!r}: {unknown('command', name, self.commands)}")
        return super().resolve_command(ctx, args)
