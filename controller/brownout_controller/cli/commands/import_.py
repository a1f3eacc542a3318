"""`brownout import`: an architecture from compose files, from Kubernetes manifests, or from a namespace."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.imported import Imported, by_strength
from brownout_catalogue.importers.kubernetes.manifests import Object, read_manifests
from brownout_catalogue.importers.kubernetes.namespace import Answer, read_namespace
from brownout_catalogue.importers.kubernetes.reader import read_kubernetes
from brownout_catalogue.importers.yaml import architecture_file
from brownout_catalogue.importers.yaml.merging import Merge, merge
from brownout_controller.backends.cluster import Cluster, ClusterError
from brownout_controller.cli.commands.report import write
from brownout_controller.cli.console.output import echo
from brownout_controller.model.environment import Kubernetes
from brownout_core.errors import InvalidSpec, Unavailable, os_error_text
from brownout_core.safe_text import json_text

_HEADER: Final = """\
Imported from {source}.
Each `guess` is the evidence for a call: when you have checked it, take the guess away. To keep a call or
a component out for good, name it: `ignore: [cart -> jaeger, grafana]`."""

_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LIST_TIMEOUT: Final = 30.0  # seconds; a list of all pods is long

_into = click.option("--into", type=click.Path(path_type=Path), metavar="FILE",
                     help="Add to this architecture and keep its content; created if it does not exist.")  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON and nothing else.")


@click.group("import", short_help="Make an architecture from what exists.")
@click.pass_context
def importing(context: click.Context) -> None:
    """Make an architecture from what exists, or add to one: services, and calls as guesses with their evidence."""
    if context.lookup_default("as_json"):  # `brownout --json import ...`
        context.default_map = {name: {"as_json": True} for name in importing.list_commands(context)}


@importing.command("compose", short_help="From compose files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--env-file", "env_files", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="Variables of the files [.env beside the first].")  # fmt: skip
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="Also services of this profile; * is all.")
@_into
@_json
def compose(
    files: Sequence[Path], env_files: Sequence[Path], profiles: Sequence[str], into: Path | None, as_json: bool
) -> None:
    """Read compose FILEs, or what compose reads in a folder; of several files, later ones override earlier ones."""
    _output(read_compose(files, env_files, profiles), into, as_json=as_json)


@importing.command("kubernetes", short_help="From Kubernetes manifests or a live namespace.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH...]")
@click.option("--namespace", metavar="NAME", help="Read this namespace of a cluster in place of manifests.")
@click.option("--context", metavar="NAME", help="The cluster, by its context in the kubeconfig [the current one].")
@click.option("--secrets", is_flag=True, help="Look for hosts in the values of the namespace's Secrets as well.")
@_into
@_json
def kubernetes(
    paths: Sequence[Path], namespace: str | None, context: str | None, secrets: bool, into: Path | None, as_json: bool
) -> None:
    """Read manifests: files, folders, or - for standard input (helm template CHART | brownout import kubernetes -).

    With --namespace, the live objects are listed in the cluster, which needs the right to list and no other.
    """
    if paths and namespace is not None:
        raise InvalidSpec("--namespace", "is read in place of manifests; name the one or the other")
    if namespace is not None:
        found = Imported(f"namespace {namespace}")
        objects = asyncio.run(_live(found, namespace, context, secrets=secrets))
    elif context is not None or secrets:
        raise InvalidSpec("--context" if context is not None else "--secrets", "is for --namespace")
    elif paths:
        found = Imported(", ".join("standard input" if str(path) == "-" else str(path) for path in paths))
        objects = read_manifests(paths, sys.stdin.buffer, found.note)
    else:
        raise InvalidSpec("PATH", "is missing; name manifests, - for standard input, or a --namespace")
    _output(read_kubernetes(found, objects), into, as_json=as_json)


async def _live(found: Imported, namespace: str, context: str | None, *, secrets: bool) -> list[Object]:
    if not _NAMESPACE.fullmatch(namespace):
        raise InvalidSpec("--namespace", f"{namespace!r} is no name of a namespace")
    cluster = Cluster(Kubernetes(context=context, namespace=namespace))

    async def get(path: str) -> Answer:
        try:
            return Answer(await cluster.request("GET", path, seconds=_LIST_TIMEOUT))
        except ClusterError as error:
            return Answer({}, error.status, str(error))

    try:
        return await read_namespace(get, namespace, found.note, secrets=secrets)
    finally:
        await cluster.close()


def _output(found: Imported, into: Path | None, *, as_json: bool) -> None:
    """Prints or merges what was found, and prints a summary on stderr."""
    content = found.content()
    _check(content, found.source)
    merged = None
    if into is not None and into.exists():
        merged = merge(_text(into), str(into), content)
        if merged.added:
            write(into, merged.text)
    fresh = architecture_file.document(content, _HEADER.format(source=found.source))
    if into is not None and merged is None:
        write(into, fresh)
    if as_json:
        click.echo(json_text(_json_content(found, content, merged)))
        return
    if into is None:
        click.echo(fresh, nl=False)
    for line in _summary(found, into, merged):
        echo(line, err=True)


def _check(content: Mapping[str, Any], source: str) -> None:
    try:
        Architecture.model_validate(content)
    except ValueError:  # its message may hold values from the source
        raise InvalidSpec(source, "has content that does not fit an architecture") from None


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise InvalidSpec(str(file), "is not UTF-8 text") from None
    except OSError as error:
        raise Unavailable(f"{file}: {os_error_text(error)}") from None


def _summary(found: Imported, into: Path | None, merged: Merge | None) -> list[str]:
    edges = list(found.edges())
    counted = ", ".join(f"{count} {word}" for word, count in by_strength(edges).items() if count)
    outside = f", {_count(len(found.external), 'external component')}" if found.external else ""
    lines = [
        f"{found.source}: {_count(len(found.services), 'service')}{outside}, {_count(len(edges), 'call')}"
        + (f" ({counted})" if counted else "")
    ]
    if merged is not None:
        lines.append(f"{into}: {_count(len(merged.added), 'addition')}" if merged.added else f"{into}: nothing to add")
        lines += [f"  added      {title}" for title in merged.added]
        lines += [f"  differs    {difference}" for difference in merged.contradictions]
        lines += [f"  not found  {title} any more; it stays until you remove it" for title in merged.gone]
    elif into is not None:
        lines.append(f"{into}: written")
    return [*lines, *(f"  note       {note}" for note in found.notes)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _json_content(found: Imported, content: Mapping[str, Any], merged: Merge | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "source": found.source,
        "architecture": content,
        "calls": [
            {
                "from": edge.source,
                "to": edge.sink,
                "strength": edge.strength.word,
                "evidence": [str(one) for one in edge.evidence],
            }
            for edge in found.edges()
        ],
        "notes": found.notes,
    }
    if merged is not None:
        result |= {"added": merged.added, "differs": merged.contradictions, "not_found": merged.gone}
    return result
