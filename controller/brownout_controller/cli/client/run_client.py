"""Where runs happen: in this process, or at a controller; the commands do not know which."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Protocol

import click

from brownout_controller.backends.base import ProxyPlace
from brownout_controller.engine.dry_run import DryRun
from brownout_controller.engine.history import History
from brownout_controller.engine.journal_tail import Line
from brownout_controller.engine.resolve import RequestResolver, ResolvedRun
from brownout_controller.engine.run_list import Row, RunList
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.run_supervisor import RunSupervisor
from brownout_controller.engine.settings_file import CONFIG, SettingsFile, unreadable
from brownout_controller.engine.store import Store
from brownout_controller.model.environment import LOCAL
from brownout_controller.model.journal import LeftOut
from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.tls_flags import check_tls_pair
from brownout_core.units import SECONDS
from brownout_core.verdict import Verdict

RUNS: Final = Path(".brownout/runs")
TOKEN: Final = "BROWNOUT_CONTROLLER_TOKEN"
"""The variable that has the token, for both ends."""


class RunClient(Protocol):
    """What can be asked of the engine, wherever it runs. Raises BrownoutError; its implementations document which."""

    async def check(self, run: RunRequest | ResolvedRun) -> None: ...

    async def plan(self, run: RunRequest | ResolvedRun, *, measure: bool = True) -> DryRun: ...

    async def prepare(self, variables: Mapping[str, str] | None = None) -> Sequence[LeftOut]: ...

    async def start(self, run: RunRequest | ResolvedRun) -> str: ...

    async def start_faults(self, faults: FaultRequest) -> str: ...

    def watch(self, run: str, after: int = 0) -> AsyncIterator[Line]: ...

    async def interrupt(self, run: str, signal: str) -> None: ...

    async def places(self, environment: str, edge: str = "") -> list[ProxyPlace]: ...


class RunRegistry(RunClient, Protocol):
    """The same, and all runs that there are, whoever began them."""

    def watch(self, run: str, after: int = 0, *, wait: bool = True) -> AsyncIterator[Line]: ...

    async def stop(
        self, run: str, why: str, *, at_once: bool = False, variables: Mapping[str, str] | None = None
    ) -> None: ...

    async def list_runs(self, limit: int = 100) -> RunList: ...

    async def row(self, run: str) -> Row: ...

    async def history(self) -> History: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """The flags that choose where runs are. `patience` is in seconds."""

    environment: str = LOCAL
    config: Path | None = None
    runs: Path | None = None
    controller: str | None = None
    token: str | None = None
    token_file: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    patience: float = 30.0
    settings: SettingsFile = field(init=False, compare=False)
    """The environments, read once by whoever asks first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", SettingsFile(self.config, once=True))

    def check(self) -> None:
        """Raises InvalidSpec for flags that do not belong together."""
        remote = ("token_file", "tls_ca", "tls_cert", "tls_key")
        if self.controller is None:
            for name in remote:
                if getattr(self, name) is not None:
                    raise InvalidSpec(f"--{name.replace('_', '-')}", "is for a controller; give --controller too")
            return
        if not _ADDRESS.fullmatch(self.controller):
            raise InvalidSpec("--controller", f"{self.controller!r} is no address; write it like 127.0.0.1:8480")
        for name in ("config", "runs"):
            if getattr(self, name) is not None:
                raise InvalidSpec(f"--{name}", "is the controller's own: start it with it, not this command")
        if (self.tls_cert is not None or self.tls_key is not None) and self.tls_ca is None:
            raise InvalidSpec("--tls-cert", "needs --tls-ca, by which the controller's certificate is known")
        check_tls_pair(self.tls_cert, self.tls_key)

    def open(self, notify: Callable[[str], None]) -> AbstractAsyncContextManager[RunRegistry]:
        """To be called in the loop that uses it; `notify` is called with news of the connection, and of runs that were
        cut off. Raises InvalidSpec, Unavailable."""
        if self.controller is None:
            return RunSupervisor(RequestResolver(self.settings), Store(self.directory), notify=notify)
        from brownout_controller.api.client import Remote  # gRPC takes a while to load
        from brownout_controller.backends.channel import Credentials
        from brownout_core.rpc import read_pem
        from brownout_core.token_file import read_token

        with unreadable():
            ca, certificate, key = (
                None if path is None else read_pem(flag, path)
                for flag, path in (
                    ("--tls-ca", self.tls_ca),
                    ("--tls-cert", self.tls_cert),
                    ("--tls-key", self.tls_key),
                )
            )
            token = self.token if self.token_file is None else read_token(self.token_file)
        credentials = Credentials(token, ca, certificate, key)
        return Remote(self.controller, credentials, patience=self.patience, notify=notify)

    @property
    def directory(self) -> Path:
        """Where the journals of this process are."""
        return self.runs or RUNS

    @property
    def place(self) -> str:
        """Where runs are looked for, for a sentence."""
        return f"at {self.controller}" if self.controller is not None else f"in {self.directory}"

    def place_of(self, run: str) -> str:
        """Where a run is found, for a sentence."""
        return f"at {self.controller}" if self.controller is not None else f"in {self.directory / run}"

    @property
    def words(self) -> list[str]:
        """What a command line needs to get there once more; nothing secret."""
        words = ["--env", self.environment]
        if self.config is not None:
            words += ["--config", str(self.config)]
        if self.controller is not None:
            words += ["--controller", self.controller]
        for name in ("token_file", "tls_ca", "tls_cert", "tls_key"):
            if getattr(self, name) is not None:
                words += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        return words


class Inconclusive(click.ClickException):
    """A controller, its targets or the disk cannot be had, so the system is not judged; 1 would refute it."""

    exit_code = Verdict.INCONCLUSIVE.exit


class Time(click.ParamType[float]):
    """A time like 90s; a number is seconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not isinstance(value, str):
            return float(value)
        try:
            seconds = SECONDS.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 0 < seconds < float("inf"):
            self.fail(f"{value!r} is no time; write it like 30s", param, ctx)
        return seconds


class Seed(click.ParamType[int]):
    """A whole number of 64 bits, which is what a controller can be sent."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            seed = int(value)
        except ValueError:
            self.fail(f"{value!r} is no whole number", param, ctx)
        if not -(2**63) <= seed < 2**63:
            self.fail("a seed has at most 18 digits", param, ctx)
        return seed


_ADDRESS: Final = re.compile(r"(unix:.+|[^/\s]+:\d{1,5})")
_PATH = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--env", "environment", default=LOCAL, metavar="NAME", help=f"The environment [default: {LOCAL}]."),
    click.option("--config", type=_PATH, metavar="FILE", help=f"The environments [{CONFIG}]."),
    click.option("--runs", type=_PATH, metavar="DIR", help=f"The journals [{RUNS}]."),
    click.option(
        "--controller",
        envvar="BROWNOUT_CONTROLLER",
        metavar="HOST:PORT",
        help="Let a `brownout controller` do it, with its own environments [BROWNOUT_CONTROLLER].",
    ),
    click.option("--token-file", type=_PATH, metavar="FILE", help=f"File with the controller's token [{TOKEN}]."),
    click.option("--tls-ca", type=_PATH, metavar="FILE", help="Whose certificate the controller shows, in PEM."),
    click.option("--tls-cert", type=_PATH, metavar="FILE", help="The certificate that we show; with --tls-key."),
    click.option("--tls-key", type=_PATH, metavar="FILE", help="Its private key."),
    click.option(
        "--patience",
        type=Time(),
        default=30.0,
        metavar="TIME",
        help="How long a controller that is lost may take to come back [default: 30s].",
    ),
)


def run_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the flags of `ClientOptions`, as its argument `where`."""
    return _with(0, function)


def place_options(function: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that only reads journals, and needs no environment."""
    return _with(2, function)


def controller_options(function: Callable[..., None]) -> Callable[..., None]:
    """The same for a command that finds journals of this machine in its own way."""
    return _with(3, function)


def _with(first: int, function: Callable[..., None]) -> Callable[..., None]:
    """The flags are in the order of the fields; from the `first` on."""
    names = [item.name for item in fields(ClientOptions) if item.init and item.name != "token"][first:]

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        flags = {name: options.pop(name) for name in names}
        where = ClientOptions(**flags, token=os.environ.get(TOKEN) or None)
        where.check()
        try:
            function(*args, where=where, **options)
        except Unavailable as error:
            if first and where.controller is None:  # it runs nothing, so that nobody takes 1 for a verdict
                raise
            raise Inconclusive(f"brownout: {error}") from None

    for option in reversed(_OPTIONS[first:]):
        command = option(command)
    return command
