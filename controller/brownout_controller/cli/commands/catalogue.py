"""`brownout catalogue`: what could go wrong with an architecture, ranked by what is most worth a test."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

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


@click.command("catalogue", short_help="Rank what could go wrong with an architecture.")
@click.argument("file", type=click.Path(path_type=Path), metavar="ARCHITECTURE")
@click.option("--top", type=click.IntRange(min=0), metavar="N", help=f"Show N scenarios; 0 is all [{TOP}].")
@click.option("--explain", "place", type=click.IntRange(min=1), metavar="N", help="Tell everything about row N.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON and nothing else; all scenarios unless --top is given."
)
@click.option(
    "--markdown", "markdown_file", type=click.Path(path_type=Path), metavar="FILE", help="Write Markdown; - is stdout."
)
@click.option("--html", "html_file", type=click.Path(path_type=Path), metavar="FILE", help="Write a page; - is stdout.")
@click.option("--expires", metavar="TIME", help=f"After how long a passed run counts no more [{EXPIRES:.0f}d].")
@click.option("--runs", "roots", type=click.Path(path_type=Path), multiple=True, metavar="DIR",
              help=f"The journals of past runs; may be given several times [{RUNS}].")  # fmt: skip
@click.option("--write", "folder", type=click.Path(path_type=Path), metavar="DIR",
              help="Write experiments for the first --top rows "
                   f"[{experiment_folder.FIRST}] that can run locally.")  # fmt: skip
@click.option("--check", is_flag=True, help="With --write: write nothing, and exit 1 if there is something to write.")
@click.option("--entry", "entries", multiple=True, metavar="[FLOW=]URL",
              help="With --write: where the requests of a flow go; may be given several times.")  # fmt: skip
@click.option("--baseline", "server", metavar="URL", help="With --write: a Prometheus that knows the normal day.")
@click.option("--env", "environment", metavar="NAME", help="With --write: ask the Prometheus of this environment, "
              "with its headers, credentials and CA; --baseline may be left out.")  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=f"The environments [{CONFIG}].")
@click.option("--over", metavar="TIME", help="With --baseline: how much of the past to look at [1h].")
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
    folder: Path | None,
    check: bool,
    entries: tuple[str, ...],
    server: str | None,
    environment: str | None,
    config: Path | None,
    over: str | None,
) -> None:
    """Rank the failure scenarios of ARCHITECTURE, each with reasons: impact x exposure x ignorance x safety.

    Names of services and `calls` are enough to begin with; it says which missing line would change the order most.
    What past runs have shown is taken into account: what passed lately moves down, and comes back as it expires.

    With --write it makes experiment files. Doing it again keeps what people have changed, and tells what the catalogue
    would say differently.

    \b
    brownout catalogue architecture.yaml
    brownout catalogue architecture.yaml --write experiments --top 3 --entry http://127.0.0.1:8080/pay
    """
    _check_flags(folder, check, entries, server, environment, config, over)
    taken = _stdout(as_json, place, markdown_file, html_file)
    lasting = timedelta(days=EXPIRES) if expires is None else span("--expires", expires)
    architecture = read(file)
    past = history.collect(roots or ([RUNS] if RUNS.is_dir() else []))
    warn(past)
    shown = listing(architecture, PastTrials(past_trials(past.runs, datetime.now(UTC)), lasting / timedelta(days=1)))
    if place is not None and place > len(shown.rows):
        raise InvalidSpec("--explain", f"there is no row {place}; {file} has {len(shown.rows)} scenarios")
    if folder is not None:
        if place is not None or as_json or markdown_file is not None or html_file is not None:
            raise InvalidSpec("--write", "stands by itself; leave out --explain, --json, --markdown and --html")
        known = None if environment is None else _prometheus_of(environment, config)
        server = server or (None if known is None else known.url)
        baselines = None if server is None else experiment_folder.measured(server, shown, _seconds(over), known)
        setting = Setting(shown.architecture, file.name, experiment_folder.entries(entries, shown), baselines)
        plan = experiment_folder.planned(
            folder, shown, experiment_folder.FIRST if top is None else top or len(shown.rows), setting
        )
        experiment_folder.carry_out(plan, folder, touch=not check)
        context.exit(int(check and any(outcome.is_behind for outcome in plan.outcomes)))
    ranked = list(enumerate(shown.rows, 1))
    shown_rows = len(ranked) if top == 0 or (top is None and as_json) else TOP if top is None else top
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else listing_text.WIDTH
    _write(markdown_file, lambda: listing_markdown.render(shown, shown_rows), taken)
    _write(html_file, lambda: _page(shown, shown_rows), taken)
    if as_json:
        rows = ranked[:shown_rows] if place is None else [ranked[place - 1]]
        click.echo(json_form.render(shown, rows, unread_journals.content(past.left_out)), nl=False)
    elif place is not None:
        click.echo(listing_text.explain(explained(*ranked[place - 1]), width), nl=False)
    elif markdown_file is None and html_file is None:
        again = shlex.join(["brownout", "catalogue", str(file)])
        click.echo(listing_text.render(shown, shown_rows, width, again), nl=False)
        if found := findings(architecture, datetime.now(UTC).date()):
            click.echo(f"Before any fault: {summary(found)}; brownout findings {shlex.quote(str(file))}")


def _check_flags(
    folder: Path | None, check: bool, entries: Sequence[str], server: str | None, environment: str | None,
    config: Path | None, over: str | None,
) -> None:  # fmt: skip
    """Raises InvalidSpec for flags that would have no effect."""
    if folder is None:
        for flag, given in (("--check", check), ("--entry", entries), ("--baseline", server), ("--env", environment)):
            if given:
                raise InvalidSpec(flag, "is for --write DIR; give that too")
    if config is not None and environment is None:
        raise InvalidSpec("--config", "is for --env NAME; give that too")
    if over is not None and server is None and environment is None:
        raise InvalidSpec("--over", "is for --baseline URL or --env NAME; give that too")


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
    """Whether it is for one document and nothing else. Raises InvalidSpec where several want it."""
    told = "--json" if as_json else "--explain" if place is not None else ""
    files = (("--markdown -", markdown_file), ("--html -", html_file))
    wanted = [*([told] if told else []), *(flag for flag, file in files if str(file) == "-")]
    if len(wanted) > 1:
        raise InvalidSpec(wanted[-1], f"and {wanted[0]} both want stdout; write one of them into a file, or ask twice")
    return bool(wanted)


def _write(path: Path | None, rendered: Callable[[], str], taken: bool) -> None:
    if path is not None and str(path) == "-":
        click.echo(rendered(), nl=False)
    elif path is not None:
        write(path, rendered())
        click.echo(str(path), err=taken)


def _page(shown: Listing, top: int) -> str:
    from brownout_catalogue.rendering import listing_page  # Jinja takes a while to load

    return listing_page.render(shown, top)


def read(file: Path) -> Architecture:
    """Raises InvalidSpec, Unavailable."""
    return read_architecture(document.read(file, columns=True), str(file))
