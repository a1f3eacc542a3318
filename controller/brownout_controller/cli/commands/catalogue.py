"""`brownout catalogue`: the failure scenarios of an architecture, ranked by how much they are worth a test."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from brownout_catalogue.architecture import Architecture, read_architecture
from brownout_catalogue.findings import findings
from brownout_catalogue.findings.findings_text import summary
from brownout_catalogue.generate.baseline import HOUR
from brownout_catalogue.generate.experiment_file import Setting
from brownout_catalogue.rendering import listing_json as json_form
from brownout_catalogue.rendering import listing_markdown, listing_text
from brownout_catalogue.rendering.listing import Listing, explained, listing
from brownout_catalogue.scoring.past_trials import EXPIRES, PastTrials
from brownout_controller.cli import experiment_folder
from brownout_controller.cli.client.run_client import RUNS
from brownout_controller.cli.commands.history import span, warn
from brownout_controller.cli.commands.report import write
from brownout_controller.cli.past_trials import past_trials
from brownout_controller.engine import history
from brownout_controller.engine.resolve import read_run_environment
from brownout_controller.engine.settings_file import CONFIG, SettingsFile
from brownout_controller.model.prometheus_server import PrometheusServer, server_of
from brownout_controller.model.variables import Variables
from brownout_controller.report import unread_journals
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.units import SECONDS

TOP: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """The flags of `--write`."""

    folder: Path | None
    check: bool
    entries: Sequence[str]
    server: str | None
    environment: str | None
    config: Path | None
    over: str | None

    def check_flags(self) -> None:
        """Raises InvalidSpec for flags that would have no effect."""
        if self.folder is None:
            flags = {
                "--check": self.check, "--entry": self.entries, "--baseline": self.server, "--env": self.environment,
            }  # fmt: skip
            for flag, value in flags.items():
                if value:
                    raise InvalidSpec(flag, "is for --write DIR; give that too")
        if self.config is not None and self.environment is None:
            raise InvalidSpec("--config", "is for --env NAME; give that too")
        if self.over is not None and self.server is None and self.environment is None:
            raise InvalidSpec("--over", "is for --baseline URL or --env NAME; give that too")


def write_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these flags, as its argument `writing`."""

    @click.option("--write", "folder", type=click.Path(path_type=Path), metavar="DIR",
                  help="Write experiments for the first --top rows "
                       f"[{experiment_folder.FIRST}] that can run locally.")  # fmt: skip
    @click.option(
        "--check", is_flag=True, help="With --write: write nothing, and exit 1 if there is something to write."
    )
    @click.option("--entry", "entries", multiple=True, metavar="[FLOW=]URL",
                  help="With --write: where the requests of a flow go; repeatable.")  # fmt: skip
    @click.option(
        "--baseline", "server", metavar="URL", help="With --write: a Prometheus with metrics of a normal day."
    )
    @click.option("--env", "environment", metavar="NAME", help="With --write: ask the Prometheus of this environment, "
                  "with its headers, credentials and CA; --baseline may be left out.")  # fmt: skip
    @click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=f"The environments [{CONFIG}].")
    @click.option("--over", metavar="TIME", help="With --baseline: how much of the past to look at [1h].")
    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        names = [each.name for each in fields(WriteOptions)]
        writing = WriteOptions(**{name: options.pop(name) for name in names})
        function(*args, writing=writing, **options)

    return command


@click.command("catalogue", short_help="Rank what could go wrong with an architecture.")
@click.argument("file", type=click.Path(path_type=Path), metavar="ARCHITECTURE")
@click.option("--top", type=click.IntRange(min=0), metavar="N", help=f"Show N scenarios; 0 is all [{TOP}].")
@click.option("--explain", "place", type=click.IntRange(min=1), metavar="N", help="Explain row N in full.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else; all scenarios without --top.")
@click.option(
    "--markdown", "markdown_file", type=click.Path(path_type=Path), metavar="FILE", help="Write Markdown; - is stdout."
)
@click.option("--html", "html_file", type=click.Path(path_type=Path), metavar="FILE", help="Write a page; - is stdout.")
@click.option("--expires", metavar="TIME", help=f"After how long a passed run counts no more [{EXPIRES:.0f}d].")
@click.option("--runs", "roots", type=click.Path(path_type=Path), multiple=True, metavar="DIR",
              help=f"The journals of past runs; repeatable [{RUNS}].")  # fmt: skip
@write_options
@click.pass_context
def catalogue(
    context: click.Context,
    file: Path,
    top: int | None,
    place: int | None,
    as_json: bool,
    markdown_file: Path | None,
    html_file: Path | None,
    expires: str | None,
    roots: tuple[Path, ...],
    writing: WriteOptions,
) -> None:
    """Rank the failure scenarios of ARCHITECTURE, each with reasons: impact x exposure x ignorance x safety.

    Names of services and `calls` are enough to begin with. The output names the missing line that would change the
    order most. Past runs count: a scenario that passed lately moves down, and comes back as its run expires.

    With --write it makes experiment files. A second --write keeps the files that people have changed, and lists where
    the architecture now differs from them.

    \b
    brownout catalogue architecture.yaml
    brownout catalogue architecture.yaml --write experiments --top 3 --entry http://127.0.0.1:8080/pay
    """
    writing.check_flags()
    on_stdout = _stdout(as_json, place, markdown_file, html_file)
    lasting = timedelta(days=EXPIRES) if expires is None else span("--expires", expires)
    architecture = read(file)
    past = history.collect(roots or ([RUNS] if RUNS.is_dir() else []))
    warn(past)
    ranked = listing(architecture, PastTrials(past_trials(past.runs, datetime.now(UTC)), lasting / timedelta(days=1)))
    if place is not None and place > len(ranked.rows):
        raise InvalidSpec("--explain", f"there is no row {place}; {file} has {len(ranked.rows)} scenarios")
    if writing.folder is not None:
        if place is not None or as_json or markdown_file is not None or html_file is not None:
            raise InvalidSpec("--write", "stands by itself; leave out --explain, --json, --markdown and --html")
        context.exit(_write_experiments(ranked, file.name, writing.folder, top, writing))
    rows = len(ranked.rows) if top == 0 or (top is None and as_json) else TOP if top is None else top
    _write(markdown_file, lambda: listing_markdown.render(ranked, rows), on_stdout)
    _write(html_file, lambda: _page(ranked, rows), on_stdout)
    if as_json:
        places = list(enumerate(ranked.rows, 1))[slice(rows) if place is None else slice(place - 1, place)]
        click.echo(json_form.render(ranked, places, unread_journals.content(past.left_out)), nl=False)
    elif place is not None or (markdown_file is None and html_file is None):
        _print(ranked, file, place, rows)


def _print(ranked: Listing, file: Path, place: int | None, rows: int) -> None:
    """The table of the first `rows`, or the explanation of the row at `place`."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else listing_text.WIDTH
    if place is not None:
        click.echo(listing_text.explain(explained(place, ranked.rows[place - 1]), width), nl=False)
        return
    again = shlex.join(["brownout", "catalogue", str(file)])
    click.echo(listing_text.render(ranked, rows, width, again), nl=False)
    if found := findings(ranked.architecture, datetime.now(UTC).date()):
        click.echo(f"Before any fault: {summary(found)}; brownout findings {shlex.quote(str(file))}")


def _write_experiments(ranked: Listing, file: str, folder: Path, top: int | None, writing: WriteOptions) -> int:
    """Writes the experiments, or checks them; the exit status. Raises InvalidSpec, Unavailable."""
    known = None if writing.environment is None else _prometheus_of(writing.environment, writing.config)
    server = writing.server or (None if known is None else known.url)
    over = _seconds(writing.over)
    baselines = None if server is None else experiment_folder.measured(server, ranked, over, known)
    setting = Setting(ranked.architecture, file, experiment_folder.entries(writing.entries, ranked), baselines)
    most = experiment_folder.FIRST if top is None else top or len(ranked.rows)
    plan = experiment_folder.planned(folder, ranked, most, setting)
    experiment_folder.carry_out(plan, folder, touch=not writing.check)
    return int(writing.check and any(outcome.is_behind for outcome in plan.outcomes))


def _prometheus_of(environment: str, config: Path | None) -> PrometheusServer:
    """Raises InvalidSpec."""
    settings = SettingsFile(config)
    server = server_of(read_run_environment(settings, environment, Variables({}, os.environ)).environment.prometheus)
    if server is None:
        raise InvalidSpec(f"{settings.name}: environments.{environment}", "has no prometheus; write its URL there")
    return server


def _seconds(over: str | None) -> float:
    """Raises InvalidSpec."""
    if over is None:
        return HOUR
    try:
        seconds = SECONDS.parse(over)
    except ValueError as error:
        raise InvalidSpec("--over", str(error)) from None
    if not 60 <= seconds <= 90 * 24 * HOUR:
        raise InvalidSpec("--over", "must be from 1m to 2160h")
    return seconds


def _stdout(as_json: bool, place: int | None, markdown_file: Path | None, html_file: Path | None) -> bool:
    """Whether stdout holds one document and nothing else. Raises InvalidSpec if flags ask for several on it."""
    flag = "--json" if as_json else "--explain" if place is not None else ""
    files = (("--markdown -", markdown_file), ("--html -", html_file))
    wanted = [*([flag] if flag else []), *(option for option, path in files if str(path) == "-")]
    if len(wanted) > 1:
        raise InvalidSpec(wanted[-1], f"and {wanted[0]} both want stdout; write one of them into a file, or ask twice")
    return bool(wanted)


def _write(path: Path | None, rendered: Callable[[], str], on_stdout: bool) -> None:
    if path is not None and str(path) == "-":
        click.echo(rendered(), nl=False)
    elif path is not None:
        write(path, rendered())
        click.echo(str(path), err=on_stdout)


def _page(ranked: Listing, rows: int) -> str:
    from brownout_catalogue.rendering import listing_page  # Jinja takes a while to load

    return listing_page.render(ranked, rows)


def read(file: Path) -> Architecture:
    """Raises InvalidSpec, Unavailable."""
    return read_architecture(document.read(file, columns=True), str(file))
