"""`brownout init`: from a repository to its first experiments, with few questions or none.

What is there already is kept, always. What is written is decided before anything is: a mistake leaves nothing behind.
"""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from brownout_catalogue.architecture import Architecture, Outline, mistakes, read_architecture
from brownout_catalogue.generate import setup_files
from brownout_catalogue.generate.experiment_file import Setting, unset
from brownout_catalogue.generate.folder import Plan
from brownout_catalogue.generate.setup_files import CI_FILES, REQUIREMENTS, Ci, Job, Place
from brownout_catalogue.importers.compose.files import load
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.imported import Imported
from brownout_catalogue.importers.kubernetes.manifests import read_manifests
from brownout_catalogue.importers.kubernetes.reader import read_kubernetes
from brownout_catalogue.importers.source import entries as entries_of
from brownout_catalogue.importers.yaml import architecture_file as architectures
from brownout_catalogue.rendering.listing import Listing, listing
from brownout_catalogue.scoring.criticality import Criticality
from brownout_catalogue.scoring.scenario import OUTSIDE
from brownout_controller.cli.commands.report import write
from brownout_controller.cli.console.output import say
from brownout_controller.cli.experiment_folder import FIRST, carry_out, entries, planned
from brownout_core import document
from brownout_core.errors import BrownoutError, InvalidSpec
from brownout_core.units import SECONDS

ARCHITECTURE: Final = "architecture.yaml"
CONFIG: Final = "brownout.yaml"
FOLDER: Final = "experiments"
_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_MANIFESTS: Final = ("k8s", "kubernetes", "manifests", "deploy", "deployment", ".k8s")
_USUAL: Final = "http://127.0.0.1:8080/"
_READABLE: Final = 300
"""Lines up to which a dry run shows a file whole."""
_HEADER: Final = """\
Made by `brownout init` from {source}. Names and calls are enough; every further line sharpens the catalogue:
`brownout catalogue architecture.yaml` says which missing line would change it most."""
_GUESSES: Final = """\
Each `guess` says why there should be such a call: when you have checked it, take the guess away."""


@dataclass
class Found:
    """What a repository has."""

    root: Path
    compose: Path | None = None
    manifests: tuple[Path, ...] = ()
    ci: Ci | None = None
    other_ci: str = ""
    name: str = ""
    published: dict[str, int] = field(default_factory=dict)
    """Ports of this machine by component."""


@click.command("init", short_help="Make the first experiments of a repository.")
@click.argument("root", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is detected, and the defaults.")
@click.option("--entry", "urls", multiple=True, metavar="[FLOW=]URL", help="Where requests go.")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be written.")
def init(root: Path, yes: bool, urls: tuple[str, ...], dry_run: bool) -> None:
    """Make architecture.yaml, brownout.yaml, the first experiments and a CI job in DIR [the current one].

    Services and calls come from compose files or Kubernetes manifests where there are some, else from you. Files that
    are there already are kept as they are.

    \b
    brownout init
    brownout init --yes --entry http://127.0.0.1:8080/pay
    """
    if not root.is_dir():
        raise InvalidSpec(str(root), "is no folder; name the root of a repository")
    if not yes and not sys.stdin.isatty():
        raise InvalidSpec("init", "has no terminal to ask on; give --yes to take what is detected")
    found = detect(root)
    file = root / ARCHITECTURE
    text = _architecture(found, ask=not yes) if not file.exists() else None
    value = document.read(file, columns=True) if text is None else document.parse(text, str(file), columns=True)
    shown = listing(read_architecture(value, str(file)))
    plan, places = _planned(found, shown, entries(urls, shown) or _entries(shown, found, ask=not yes))
    for name, content in {ARCHITECTURE: text, **_settings(places, plan, found)}.items():
        _leave(root, name, content, dry_run=dry_run)
    if dry_run:
        for outcome in plan.outcomes:
            _leave(root, f"{FOLDER}/{outcome.name}", outcome.text, dry_run=True)
        return
    carry_out(plan, root / FOLDER)
    _hints(found, plan, places)
    inside = "" if root.resolve() == Path.cwd() else f"cd {shlex.quote(str(root))} && "
    say(f"\nNext:\n  {inside}brownout proxy --config {CONFIG}")


def _planned(found: Found, shown: Listing, given: Mapping[str, str]) -> tuple[Plan, Sequence[Place]]:
    """The experiments, and the proxies that they need."""
    folder = found.root / FOLDER
    setting = Setting(shown.architecture, ARCHITECTURE, given)
    plan = planned(folder, shown, FIRST, setting)
    ends = shown.architecture.components
    edges = [edge for edge in _edges(folder, plan) if edge.rpartition(" -> ")[2] in ends]
    places = setup_files.places(shown.architecture, edges, found.published)
    if not (found.root / CONFIG).exists():  # so that the ports will be those
        plan = planned(folder, shown, FIRST, setting._replace(entries={**_through(places, given), **given}))
    return plan, places


def detect(root: Path) -> Found:
    """Raises InvalidSpec, Unavailable for what is there and cannot be read."""
    found = Found(root, name=_name(root))
    found.compose = next((root / name for name in _COMPOSE if (root / name).is_file()), None)
    found.manifests = _manifests(root)
    if (root / ".gitlab-ci.yml").is_file():
        found.ci = "gitlab"
    elif (root / ".github").is_dir() or not (root / "Jenkinsfile").is_file():
        found.ci = "github"
    else:
        found.other_ci = "Jenkinsfile"
    if found.compose is not None:
        for name, service in load([found.compose], (), (), lambda _: None).items():
            ports = [_published(entry) for entry in entries_of(service.get("ports"))]
            known = [port for port in ports if port]
            if known:
                found.published[name] = known[0]
    return found


def _published(entry: Any) -> int | None:
    """The port of this machine in an entry of `ports`; None where any free one is taken."""
    written = str(entry.get("published", "")) if isinstance(entry, Mapping) else str(entry)
    if not isinstance(entry, Mapping):
        parts = written.split(":")
        written = parts[-2] if len(parts) > 1 else ""
    first = written.partition("-")[0]
    return int(first) if first.isdigit() and 0 < int(first) < 65536 else None


def _name(root: Path) -> str:
    """What the repository calls itself."""
    try:
        if (root / "pyproject.toml").is_file():
            return str(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["name"])
        if (root / "package.json").is_file():
            return str(json.loads((root / "package.json").read_text("utf-8"))["name"])
    except (OSError, ValueError, LookupError, TypeError):
        pass  # somebody else's file; a folder has a name as well
    return root.resolve().name or "system"


def _manifests(root: Path) -> tuple[Path, ...]:
    """A folder of them, or files at the root."""
    for folder in (root / name for name in _MANIFESTS):
        if (
            folder.is_dir()
            and not (folder / "Chart.yaml").exists()
            and any(map(_deploys, sorted(folder.rglob("*.y*ml"))))
        ):
            return (folder,)
    return tuple(path for path in sorted(root.glob("*.y*ml")) if _deploys(path))


def _deploys(path: Path) -> bool:
    return path.is_file() and "\nkind: Deployment" in f"\n{path.read_text('utf-8', errors='replace')}"


def _architecture(found: Found, *, ask: bool) -> str:
    """The text of an architecture: imported, or asked for. Raises InvalidSpec."""
    content: dict[str, Any] = {"name": found.name}
    imported = _imported(found)
    if imported is not None:
        content |= imported.content()
        source, more = imported.source, f"\n{_GUESSES}"
        say(f"found {source}: {', '.join(imported.services)}")
        for note in imported.notes:
            say(f"  note: {note}")
    elif ask:
        content["services"], source, more = _asked(), "what you said", ""
    else:
        raise InvalidSpec(
            str(found.root),
            "has no compose file and no manifests, which would tell the services; run it without --yes to be asked, "
            f"or write {ARCHITECTURE} first, like services: {{web: {{calls: [db]}}, db: }}",
        )
    if ask:
        flows = _asked_flow(content)
        if flows:
            content["flows"] = flows
    return architectures.document(content, _HEADER.format(source=source) + more)


def _imported(found: Found) -> Imported | None:
    if found.compose is not None:
        imported = read_compose([found.compose])
        imported.source = found.compose.name  # the same wherever the repository is
        return imported
    if found.manifests:
        imported = Imported(", ".join(f"{path.name}{'/' if path.is_dir() else ''}" for path in found.manifests))
        return read_kubernetes(imported, read_manifests(found.manifests, sys.stdin.buffer, imported.note))
    return None


def _asked() -> Mapping[str, Any]:
    """Names and calls, from a person."""
    names = _list(click.prompt("Which services, databases, caches and queues are there? (names, with commas)"))
    services: dict[str, Any] = {name: {} for name in names}
    for name in names:
        others = [other for other in names if other != name]
        if not others:
            continue
        while True:
            called = _list(click.prompt(f"Whom does {name} call? (enter for nobody)", default="", show_default=False))
            strange = [other for other in called if other not in others]
            if not strange:
                break
            say(f"there is no {', '.join(strange)} besides {name}; there are {', '.join(others)}")
        if called:
            services[name] = {"calls": {other: {} for other in called}}
    return services


def _list(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _asked_flow(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The flow that matters most, from a person."""
    architecture = Architecture.model_validate(content)
    ways = [way for entry in Criticality(architecture).entries for way in architecture.paths_down(entry)]
    if not ways:
        return {}
    longest = max(ways, key=len)
    usual = [longest[0].source, *(edge.sink for edge in longest)]
    while True:
        path = _list(click.prompt("The way of the most important requests", default=", ".join(usual)))
        outline = Outline.model_validate({**content, "flows": {"main": {"path": path}}})
        mistake = next(mistakes(outline), None)
        if mistake is None:
            break
        say(mistake.reason)
    tolerance = click.prompt("How long may an answer take before people leave?", default="2s", value_proc=_time)
    return {"main": {"path": path, "tolerance": tolerance}}


def _time(text: str) -> str:
    try:
        if SECONDS.parse(text) > 0:
            return text
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    raise click.UsageError("must be longer than nothing")


def _entries(shown: Listing, found: Found, *, ask: bool) -> Mapping[str, str]:
    """Where requests go: the ports that the first services of flows publish, and for one flow what a person says."""
    stakes = Criticality(shown.architecture).stakes
    ports = {stake.name: found.published.get(stake.flow.path[0]) for stake in stakes}
    urls = {name: f"http://127.0.0.1:{port}/" for name, port in ports.items() if port}
    if ask and stakes:
        first = next((stake for stake in stakes if stake.name in urls), stakes[0])
        question = f"The URL of a request to {first.flow.path[0]} that changes nothing"
        usual = urls.get(first.name, _USUAL)
        urls[first.name] = click.prompt(question, default=usual, value_proc=lambda url: _url(url, shown))
    return urls


def _url(text: str, shown: Listing) -> str:
    try:
        return entries((f"={text}",), shown)[""]
    except InvalidSpec as error:
        raise click.UsageError(error.reason) from None


def _edges(folder: Path, plan: Plan) -> Iterator[str]:
    """Those of the experiments, be they written now or there already."""
    for outcome in plan.outcomes:
        text = outcome.text if outcome.text is not None else (folder / outcome.name).read_text("utf-8", "replace")
        try:
            content = document.parse(text, outcome.name)
            plain = content.plain() if content is not None else {}
            if isinstance(plain, Mapping) and isinstance(edge := plain.get("edge"), str):
                yield " -> ".join(part.strip() for part in edge.split("->"))
        except BrownoutError:
            continue  # a person's, and told as drift


def _lacking(config: Path, places: Sequence[Place]) -> Iterator[Place]:
    """The proxies that a file of somebody's own does not have."""
    value = document.read(config)
    content = value.plain() if value is not None else None
    known = content.get("proxies") if isinstance(content, Mapping) else None
    yield from (place for place in places if place.proxy not in (known or ()))


def _through(places: Sequence[Place], given: Mapping[str, str]) -> Mapping[str, str]:
    """The same requests, through the proxies before where they come in."""
    paths = [urlsplit(url).path for url in given.values()] or ["/"]
    return {
        edge: f"http://127.0.0.1:{place.listen}{paths[0]}"
        for place in places
        for edge in place.edges
        if edge.startswith(f"{OUTSIDE} -> ")
    }


def _settings(places: Sequence[Place], plan: Plan, found: Found) -> Mapping[str, str]:
    """brownout.yaml and the CI job."""
    first = [shlex.quote(f"{FOLDER}/{name}") for name in plan.wanted[:1]]
    runs = [f"brownout run {name}{flag}" for name in first for flag in (" --dry-run", "")]
    needed = [name for outcome in plan.outcomes for name in unset(outcome.text or "")]
    files = {CONFIG: setup_files.settings(places, runs)}
    if found.ci is not None:
        compose = found.compose.name if found.compose is not None else ""
        files[CI_FILES[found.ci]] = setup_files.ci(found.ci, Job(FOLDER, dict.fromkeys(needed, _USUAL), compose))
        files[REQUIREMENTS] = setup_files.requirements()
    return files


def _leave(root: Path, name: str, content: str | None, *, dry_run: bool) -> None:
    """Writes a file that is not there yet."""
    path = root / name
    if content is None or path.exists() or path.is_symlink():
        say(f"{'kept':<13} {path}")
    elif dry_run:
        lines = content.splitlines()
        if len(lines) > _READABLE:
            say(f"{'would write':<13} {path} ({len(lines)} lines)")
            return
        say(f"{'would write':<13} {path}\n")
        say("".join(f"    {line}\n" if line else "\n" for line in lines))
    else:
        write(path, content)
        say(f"{'written':<13} {path}")


def _hints(found: Found, plan: Plan, places: Sequence[Place]) -> None:
    """What has to be known before anything is run."""
    for place in _lacking(found.root / CONFIG, places):
        like = f"{place.proxy}: {{listen: 127.0.0.1:{place.listen}, upstream: {place.upstream}}}"
        say(f"  {CONFIG} has no proxy {place.proxy} yet; add it under proxies, like {like}")
    if found.ci is not None:
        say(f"  the CI job takes Brownout from the variable BROWNOUT_SOURCE; the top of {CI_FILES[found.ci]} says how")
    if found.ci == "gitlab":
        say(f"  in .gitlab-ci.yml: include: [{{local: {CI_FILES['gitlab']}}}]")
    if found.other_ci:
        run = f"brownout run {FOLDER}/*.yaml --report brownout.xml"
        say(f"no CI job is written beside the {found.other_ci}; let it run: {run}")
    if plan.wanted:
        say(f"{CONFIG} says at its top which settings let your services go through the proxies")
