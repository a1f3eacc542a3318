"""`brownout init`: from a repository to its first experiments, with few questions or none.

A file that exists is kept. All content is computed before the first file is written, so that a mistake changes nothing.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import click

from brownout_catalogue.architecture import Architecture, read_architecture
from brownout_catalogue.generate import setup_files
from brownout_catalogue.generate.compose_override import (
    COMPOSE_OVERRIDE,
    compose_override,
    redirected,
    service_name,
)
from brownout_catalogue.generate.edge_proxies import EdgeProxy, container_proxies, machine_proxies
from brownout_catalogue.generate.experiment_file import Setting, unset
from brownout_catalogue.generate.folder import Plan
from brownout_catalogue.generate.ports import answers_http
from brownout_catalogue.generate.redirects import ComposeProject, ManualStep
from brownout_catalogue.generate.setup_files import CI_FILES, REQUIREMENTS, Job
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.imported import Imported
from brownout_catalogue.importers.kubernetes.manifests import read_manifests
from brownout_catalogue.importers.kubernetes.reader import read_kubernetes
from brownout_catalogue.importers.source import read_text
from brownout_catalogue.importers.yaml import architecture_file
from brownout_catalogue.rendering.listing import Listing, listing
from brownout_catalogue.scoring.criticality import Criticality
from brownout_catalogue.scoring.scenario import OUTSIDE
from brownout_controller.cli.commands.report import write
from brownout_controller.cli.console.output import echo
from brownout_controller.cli.experiment_folder import FIRST, carry_out, entries, planned
from brownout_controller.cli.questions import ask_for_flow, ask_for_services, ask_for_url
from brownout_controller.cli.repository import Repository, find_repository
from brownout_core import document
from brownout_core.errors import BrownoutError, InvalidSpec

ARCHITECTURE: Final = "architecture.yaml"
CONFIG: Final = "brownout.yaml"
FOLDER: Final = "experiments"
_USUAL: Final = "http://127.0.0.1:8080/"
_READABLE: Final = 300
"""Lines up to which a dry run prints a whole file."""
_HEADER: Final = """\
Made by `brownout init` from {source}. Names and calls are enough; every further line sharpens the catalogue:
`brownout catalogue architecture.yaml` names the missing line that would change it most."""
_GUESSES: Final = """\
Each `guess` is the reason for a call or a flow: when you have checked it, take the guess away."""


class _Setup(NamedTuple):
    """The files of a repository and the steps that remain."""

    plan: Plan
    proxies: Sequence[EdgeProxy]
    files: Mapping[str, str]
    """By path from the root, besides the architecture and the experiments."""
    steps: Sequence[ManualStep]
    up: str
    """The command that starts the compose project with the proxies; empty without a compose file."""


@click.command("init", short_help="Make the first experiments of a repository.")
@click.argument("path", type=click.Path(path_type=Path), default=".", metavar="[PATH]")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is found, and the defaults.")
@click.option("--entry", "urls", multiple=True, metavar="[FLOW=]URL", help="Where requests go.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would be written.")
def init(path: Path, yes: bool, urls: tuple[str, ...], dry_run: bool) -> None:
    """Make architecture.yaml, brownout.yaml, the first experiments and a CI job for the repository at PATH [the current
    folder].

    Services and calls come from a compose file or from Kubernetes manifests, up to two folders deep, else from you.
    With a compose file you also get compose.brownout.yaml, which starts the proxies and redirects the callers to them.
    PATH may name the compose file. Files that exist are kept.

    \b
    brownout init
    brownout init --yes --entry http://127.0.0.1:8080/pay
    brownout init deploy/compose.yaml
    """
    if not yes and not sys.stdin.isatty():
        raise InvalidSpec("init", "has no terminal to ask on; give --yes to take what is found")
    found = find_repository(path)
    imported = _imported(found)
    file = found.root / ARCHITECTURE
    text = _architecture(found, imported, ask=not yes) if not file.exists() else None
    value = document.read(file, columns=True) if text is None else document.parse(text, str(file), columns=True)
    catalogue = listing(read_architecture(value, str(file)))
    urls_by_flow = entries(urls, catalogue) or _entries(catalogue, found, ask=not yes)
    setup = _setup(found, imported, catalogue, urls_by_flow)
    for name, content in {ARCHITECTURE: text, **setup.files}.items():
        _leave(found.root / name, content, dry_run=dry_run)
    if dry_run:
        for outcome in setup.plan.outcomes:
            _leave(found.root / FOLDER / outcome.name, outcome.text, dry_run=True)
        return
    carry_out(setup.plan, found.root / FOLDER)
    _hints(found, setup)
    inside = "" if found.root.resolve() == Path.cwd() else f"cd {shlex.quote(str(found.root))} && "
    echo(f"\nNext:\n  {inside}{setup.up or f'brownout proxy --config {CONFIG}'}")


def _imported(found: Repository) -> Imported | None:
    """Raises InvalidSpec, Unavailable."""
    if found.compose is not None:
        imported = read_compose([found.compose])
        imported.source = _relative(found, found.compose)  # the same wherever the repository is
        return imported
    if found.manifests:
        imported = Imported(", ".join(f"{path.name}{'/' if path.is_dir() else ''}" for path in found.manifests))
        return read_kubernetes(imported, read_manifests(found.manifests, sys.stdin.buffer, imported.note))
    return None


def _relative(found: Repository, path: Path) -> str:
    return Path(os.path.relpath(path, found.root)).as_posix()


def _architecture(found: Repository, imported: Imported | None, *, ask: bool) -> str:
    """The text of an architecture: imported, or asked for. Raises InvalidSpec."""
    content: dict[str, Any] = {"name": found.name}
    if imported is not None:
        content |= imported.content()
        source, more = imported.source, f"\n{_GUESSES}"
        echo(f"found {source}: {', '.join(imported.services)}")
        for note in imported.notes:
            echo(f"  note: {note}")
        if found.others:
            echo(f"  not read: {', '.join(found.others)}; to read one of them, name it: brownout init PATH")
    elif ask:
        content["services"], source, more = ask_for_services(), "your answers", ""
    else:
        raise InvalidSpec(
            str(found.root),
            "has no compose file and no manifests, two folders deep; run it without --yes to be asked for services, "
            f"name the file (brownout init PATH), or write {ARCHITECTURE}: services: {{web: {{calls: [db]}}, db: }}",
        )
    if ask:
        content["flows"] = ask_for_flow(content) or content.get("flows", {})
    return architecture_file.document(content, _HEADER.format(source=source) + more)


def _entries(catalogue: Listing, found: Repository, *, ask: bool) -> Mapping[str, str]:
    """The URLs of flows: from the ports that their first services publish, and for one flow from a person's answer."""
    flows = Criticality(catalogue.architecture).stakes
    ports = {
        flow.name: _published(found, catalogue.architecture, flow.flow.path[0])
        for flow in flows
        if answers_http(catalogue.architecture, flow.flow.path[0])
    }
    urls = {name: f"http://127.0.0.1:{port}/" for name, port in ports.items() if port}
    if ask and flows:
        first = next((flow for flow in flows if flow.name in urls), flows[0])
        urls[first.name] = ask_for_url(first, urls.get(first.name, _USUAL), catalogue)
    return urls


def _published(found: Repository, architecture: Architecture, name: str) -> int | None:
    """The port of this machine at which a component answers."""
    ports = found.machine.published.get(name, {})
    return ports.get(architecture.components[name].where.port or 0) or next(iter(ports.values()), None)


def _setup(found: Repository, imported: Imported | None, catalogue: Listing, urls_by_flow: Mapping[str, str]) -> _Setup:
    """The experiments, the proxies that they need, and the files that start the proxies."""
    folder, architecture = found.root / FOLDER, catalogue.architecture
    setting = Setting(architecture, ARCHITECTURE, urls_by_flow)
    plan = planned(folder, catalogue, FIRST, setting)
    edges = [edge for edge in _edges(folder, plan) if edge.rpartition(" -> ")[2] in architecture.components]
    if found.compose is None or imported is None:
        proxies = machine_proxies(architecture, edges, found.machine)
    else:
        proxies = container_proxies(architecture, edges, found.machine, found.services)
    if not (found.root / CONFIG).exists():  # so that the ports will be those
        plan = planned(
            folder, catalogue, FIRST, setting._replace(entries={**_through(proxies, urls_by_flow), **urls_by_flow})
        )
    up, steps, files = "", [], {}
    if found.compose is not None and imported is not None:
        project = ComposeProject(found.services, imported, service_name(found.services), read_text)
        made = redirected(project, architecture, proxies, _calls(catalogue, plan, edges))
        override = found.compose.parent / COMPOSE_OVERRIDE
        words = ["docker", "compose", "-f", _relative(found, found.compose), "-f", _relative(found, override)]
        up = shlex.join([*words, "up", "--detach", "--wait"])
        config = Path(os.path.relpath(found.root / CONFIG, found.compose.parent)).as_posix()
        config = config if config.startswith("../") else f"./{config}"
        files[_relative(found, override)] = compose_override(project, proxies, made, up, config)
        steps = [one for one in made if isinstance(one, ManualStep)]
    first = [shlex.quote(f"{FOLDER}/{name}") for name in plan.wanted[:1]]
    runs = [f"brownout run {name}{flag}" for name in first for flag in (" --dry-run", "")]
    files[CONFIG] = setup_files.settings(proxies, runs, up)
    if found.ci is not None:
        needed = [name for outcome in plan.outcomes for name in unset(outcome.text or "")]
        files[CI_FILES[found.ci]] = setup_files.ci(found.ci, Job(FOLDER, dict.fromkeys(needed, _USUAL), up))
        files[REQUIREMENTS] = setup_files.requirements()
    return _Setup(plan, proxies, files, steps, up)


def _calls(catalogue: Listing, plan: Plan, edges: Sequence[str]) -> set[str]:
    """The calls that need proxies: the edges of the experiments, and the other calls of their scenarios."""
    written = {outcome.scenario for outcome in plan.outcomes}
    struck = (row.scenario.edges for row in catalogue.rows if row.scenario.id in written)
    return {*edges, *(edge.name for calls in struck for edge in calls)}


def _edges(folder: Path, plan: Plan) -> Iterator[str]:
    """The edges of the experiments, both new and existing ones."""
    for outcome in plan.outcomes:
        text = outcome.text if outcome.text is not None else (folder / outcome.name).read_text("utf-8", "replace")
        try:
            content = document.parse(text, outcome.name)
            plain = content.plain() if content is not None else {}
            if isinstance(plain, Mapping) and isinstance(edge := plain.get("edge"), str):
                yield " -> ".join(part.strip() for part in edge.split("->"))
        except BrownoutError:
            continue  # a person's file; its mistake is reported as drift


def _through(proxies: Sequence[EdgeProxy], urls_by_flow: Mapping[str, str]) -> Mapping[str, str]:
    """The same requests, through the proxies before their entries."""
    paths = [urlsplit(url).path for url in urls_by_flow.values()] or ["/"]
    return {
        edge: f"http://127.0.0.1:{proxy.published}{paths[0]}"
        for proxy in proxies
        for edge in proxy.edges
        if edge.startswith(f"{OUTSIDE} -> ") and proxy.published is not None
    }


def _leave(path: Path, content: str | None, *, dry_run: bool) -> None:
    """Writes a file that does not exist yet."""
    if content is None or path.exists() or path.is_symlink():
        echo(f"{'kept':<13} {path}")
    elif dry_run:
        lines = content.splitlines()
        if len(lines) > _READABLE:
            echo(f"{'would write':<13} {path} ({len(lines)} lines)")
            return
        echo(f"{'would write':<13} {path}\n")
        echo("".join(f"    {line}\n" if line else "\n" for line in lines))
    else:
        write(path, content)
        echo(f"{'written':<13} {path}")


def _hints(found: Repository, setup: _Setup) -> None:
    """Prints the steps that remain before the first run."""
    value = document.read(found.root / CONFIG)
    content = value.plain() if value is not None else None
    known = content.get("proxies") if isinstance(content, Mapping) else None
    for proxy in setup.proxies:
        if proxy.proxy not in (known or ()):
            like = f"{proxy.proxy}: {{listen: {proxy.host}:{proxy.listen}, upstream: {proxy.upstream}}}"
            echo(f"  {CONFIG} has no proxy {proxy.proxy} yet; add it under proxies, like {like}")
    for step in setup.steps:
        echo(f"  by hand: {step.source} -> {step.sink}: {step.why}; {step.step}")
    if setup.up:
        echo(
            "  the proxies run from the image `brownout`: build it with `docker build --tag brownout` in a checkout of"
        )
        echo("  Brownout, or set BROWNOUT_IMAGE")
    elif setup.plan.wanted:
        echo(f"  the top of {CONFIG} lists the addresses to set, so that your services use the proxies")
    if found.ci is not None:
        echo(f"  the CI job needs the variables that the top of {CI_FILES[found.ci]} explains, BROWNOUT_SOURCE first")
    if found.ci == "gitlab":
        echo(f"  in .gitlab-ci.yml: include: [{{local: {CI_FILES['gitlab']}}}]")
    if found.other_ci:
        run = f"brownout run {FOLDER}/*.yaml --report brownout.xml"
        echo(f"  no CI job is written beside the {found.other_ci}; let it run: {run}")
