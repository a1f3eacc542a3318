"""`brownout catalogue --write`: writes experiments into a folder, and prints the outcome of each file."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click

from brownout_catalogue.generate import baseline
from brownout_catalogue.generate.baseline import Baselines
from brownout_catalogue.generate.experiment_file import Setting, unset
from brownout_catalogue.generate.folder import Outcome, Plan, plan
from brownout_catalogue.rendering.listing import Listing
from brownout_catalogue.scoring.criticality import Criticality
from brownout_catalogue.scoring.scenario import OUTSIDE
from brownout_controller.cli.commands.report import write
from brownout_controller.cli.console.output import echo
from brownout_controller.model.prometheus_server import PrometheusServer
from brownout_core.errors import InvalidSpec, Unavailable, os_error_text
from brownout_core.formatting import line

FIRST = 3
"""Files to write without --top."""
_LARGEST = 1 << 20
"""The largest file, in bytes, that is read as an experiment."""


def entries(words: Sequence[str], ranked: Listing) -> Mapping[str, str]:
    """The URLs of --entry URL or --entry FLOW=URL, by flow. Raises InvalidSpec."""
    flows = [stake.name for stake in Criticality(ranked.architecture).stakes]
    outside = {row.scenario.edge for row in ranked.rows if row.scenario.edge} & {
        f"{OUTSIDE} -> {name}" for name in ranked.architecture.components
    }
    found = {}
    for word in words:
        flow, url = ("", word) if word.startswith(("http://", "https://")) else word.partition("=")[::2]
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSpec(f"--entry {word}", "is neither URL nor FLOW=URL; write it like http://127.0.0.1:8080/pay")
        if "@" in parts.netloc:
            raise InvalidSpec("--entry", "has a user in it, which files must not hold; send a header with a variable")
        if flow and flow not in flows and flow not in outside:
            raise InvalidSpec(f"--entry {word}", f"there is no flow {flow!r}; there are {', '.join(flows)}")
        found[flow] = url
    return found


def measured(server: str, ranked: Listing, window: float, known: PrometheusServer | None = None) -> Baselines:
    """Measures the services of the flows and prints a summary on stderr. The headers and the CA of `known` apply if it
    is the same server. Raises InvalidSpec, Unavailable."""
    same = known is not None and known.url.rstrip("/") == server.rstrip("/")
    headers, ca = (known.all_headers(), known.ca) if known is not None and same else ({}, None)
    trusted = None
    if ca is not None:
        try:
            trusted = ssl.create_default_context(cafile=ca)
        except (OSError, ValueError):  # of which ssl.SSLError is one
            raise InvalidSpec(ca, "is no file in PEM that can be read; correct prometheus.ca") from None
    architecture = ranked.architecture
    services = list(dict.fromkeys(name for stake in Criticality(architecture).stakes for name in stake.flow.path))
    found = baseline.measure(server, architecture, services, window, headers=headers, trusted=trusted)
    echo(f"baselines from {found.server}:", err=True)
    for summary in baseline.summary_lines(found):
        echo(f"  {line(summary)}", err=True)
    return found


def planned(folder: Path, ranked: Listing, top: int, setting: Setting) -> Plan:
    """Raises InvalidSpec, Unavailable for a folder that cannot be read."""
    return plan(ranked, top, setting, _there(folder))


def _there(folder: Path) -> Mapping[str, str]:
    if folder.exists() and not folder.is_dir():
        raise InvalidSpec(str(folder), "is a file; name a folder")
    found = {}
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else ():
        try:
            if path.is_file() and path.stat().st_size <= _LARGEST:
                found[path.name] = path.read_bytes().decode("utf-8", errors="surrogateescape")
        except OSError as error:
            raise Unavailable(f"{path}: {os_error_text(error)}") from None
    return found


def carry_out(plan: Plan, folder: Path, *, touch: bool = True) -> None:
    """Writes the new texts and prints the outcome of each file; without `touch` it only prints."""
    for outcome in plan.outcomes:
        if touch and outcome.text is not None:
            write(folder / outcome.name, outcome.text)
        echo(f"{_word(outcome, touch=touch):<13} {folder / outcome.name}")
        needed = [f"to be run with --var {name}=URL" for name in unset(outcome.text or "")]
        for detail in (*outcome.details, *needed):
            echo(f"  {line(detail)}")
    if not plan.outcomes:
        click.echo("nothing to write: no scenario can be injected locally")
    if plan.passed:
        click.echo("passed over, as the proxy cannot inject them:")
    for row in plan.passed:
        echo(f"  {row.place}. {line(row.title)}: {line(row.why)}")


def _word(outcome: Outcome, *, touch: bool) -> str:
    if touch:
        return outcome.became
    return {"written": "missing", "updated": "out of date"}.get(outcome.became, outcome.became)
