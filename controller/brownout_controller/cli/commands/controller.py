"""`brownout controller`: a server that runs experiments and faults for its clients."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from brownout_controller.cli.client.follow import heeded
from brownout_controller.cli.client.run_client import RUNS, TOKEN
from brownout_controller.cli.console.progress import notice
from brownout_controller.cli.console.run_output import leave_page
from brownout_controller.engine.resolve import RequestResolver, Rights
from brownout_controller.engine.run_supervisor import RunSupervisor
from brownout_controller.engine.settings_file import CONFIG, SettingsFile
from brownout_controller.engine.store import Store
from brownout_controller.model.environment import LOCAL
from brownout_core import __version__
from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.safe_text import LineFormatter
from brownout_core.verdict import Verdict, status_of

if TYPE_CHECKING:
    from brownout_core.rpc import Tls

LISTEN: Final = "127.0.0.1:8480"
_SWITCH_INTERVAL: Final = 0.0005
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a controller runs."""

    listen: str = LISTEN
    config: Path | None = None
    runs: Path = RUNS
    token: str | None = None
    tls: Tls | None = None
    rights: Rights = field(default_factory=Rights)

    def place(self) -> str:
        """The address to listen on. Raises InvalidSpec if anybody could connect."""
        from brownout_core.rpc import listening_place

        place, local = listening_place("--listen", self.listen)
        asks = self.token is not None or (self.tls is not None and self.tls.client_ca is not None)
        if not local and not asks:
            raise InvalidSpec(
                "--listen",
                f"{self.listen} is reachable from other machines: give --token-file FILE or {TOKEN}, or ask for "
                "certificates with --tls-cert, --tls-key and --tls-client-ca",
            )
        if not local and self.token is not None and self.tls is None:
            notice("the token crosses the network in clear: give --tls-cert and --tls-key")
        return place


_PATH = click.Path(path_type=Path)


@click.command("controller", short_help="Serve runs and coordinated faults over gRPC.")
@click.option("--listen", default=LISTEN, metavar="HOST:PORT", help=f"Where; port 0 takes a free one [{LISTEN}].")
@click.option("--config", type=_PATH, metavar="FILE", help=f"The environments, read for each run [{CONFIG}].")
@click.option("--runs", type=_PATH, default=RUNS, metavar="DIR", help=f"The journals [{RUNS}].")
@click.option("--token-file", type=_PATH, metavar="FILE", help=f"File with the token that clients need [{TOKEN}].")
@click.option("--tls-cert", type=_PATH, metavar="FILE", help="Certificate to show, in PEM; with --tls-key.")
@click.option("--tls-key", type=_PATH, metavar="FILE", help="Its private key.")
@click.option("--tls-client-ca", type=_PATH, metavar="FILE", help="Clients must show a certificate of this CA.")
@click.option(
    "--allow-command",
    "commands",
    multiple=True,
    metavar="'CMD ARGS'",
    help="A command that hypotheses of clients may run, word for word; may be repeated.",
)
@click.option(
    "--allow-var",
    "variables",
    multiple=True,
    metavar="NAME",
    help="A variable of this process that experiments of clients may use; may be repeated.",
)
@click.pass_context
def controller(
    context: click.Context,
    listen: str,
    config: Path | None,
    runs: Path,
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    commands: Sequence[str],
    variables: Sequence[str],
) -> None:
    """Run experiments and ad-hoc faults for clients (`brownout run --controller`), until SIGTERM or SIGINT.

    Whatever is in place then is reverted first. Killed in any other way, faults end with their leases, and the next
    start closes the runs. Experiments of clients use no commands, files and variables of this machine but those that
    are allowed here. Exit status: 143 and 130 for signals, 6 if something could not be reverted.
    """
    from brownout_core.rpc import read_tls  # gRPC takes a while to load
    from brownout_core.token_file import read_token

    settings = Settings(
        listen=listen,
        config=config,
        runs=runs,
        token=os.environ.get(TOKEN) or None if token_file is None else read_token(token_file),
        tls=read_tls(tls_cert, tls_key, tls_client_ca),
        rights=Rights(frozenset(map(_command, commands)), frozenset(variables)),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    context.exit(asyncio.run(serve(settings)))


def _command(text: str) -> str:
    try:
        if shlex.split(text):
            return text
    except ValueError:
        pass
    raise InvalidSpec("--allow-command", f"{text!r} is no command; write it like 'check-stock --strict'")


def _check_writable(runs: Path) -> None:
    """Checks at the start, as the client of the first run could not mend it. Raises Unavailable."""
    there = next(place for place in (runs.absolute(), *runs.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Unavailable(f"--runs {runs}: {there} is no directory that can be written to")


async def serve(settings: Settings) -> int:
    """Serves until a signal arrives. Returns the exit status. Raises BrownoutError if it cannot start."""
    from brownout_controller.api.grpc import Server

    # Threads read texts: the shorter interval lets the loop, which renews leases, run in time.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    resolver = RequestResolver(SettingsFile(settings.config), settings.rights)
    resolver.environment(LOCAL)  # a file that is wrong ends the start
    place = settings.place()
    async with RunSupervisor(resolver, Store(settings.runs), after=leave_page, notify=notice) as supervisor:
        server = Server(supervisor, token=settings.token, tls=settings.tls)
        try:
            port = server.bind(place)
        except RuntimeError:
            raise Unavailable(f"--listen {place} cannot be had: is it in use? choose another port") from None
        _check_writable(settings.runs)
        await supervisor.recover()
        came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # Objects that live as long as the process are frozen: each full collection of them would pause the loop.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        with _Signals(came):
            await server.start()
            where = place if place.startswith("unix:") else f"{place.rpartition(':')[0]}:{port}"
            notice(f"controller {__version__} on {where}; journals in {settings.runs}")
            name = await came
            notice(f"{name}: reverting what is in place")
            verdicts = await supervisor.shut_down(name)
            await server.stop()
    return Verdict.NOT_REVERTED.exit if Verdict.NOT_REVERTED in verdicts else status_of(name)


class _Signals:
    """SIGINT, SIGTERM and SIGHUP set their name as the result of a future; later signals are ignored."""

    def __init__(self, came: asyncio.Future[str]) -> None:
        self._came = came

    def __enter__(self) -> None:
        for number in heeded():
            asyncio.get_running_loop().add_signal_handler(number, self._arrive, number.name)

    def __exit__(self, *_: object) -> None:
        for number in heeded():
            asyncio.get_running_loop().remove_signal_handler(number)

    def _arrive(self, name: str) -> None:
        if not self._came.done():
            self._came.set_result(name)
