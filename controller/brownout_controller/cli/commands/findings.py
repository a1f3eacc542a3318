"""`brownout findings`: what is wrong with an architecture before any fault."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from brownout_catalogue import findings as static
from brownout_catalogue.architecture import read_architecture
from brownout_catalogue.findings import RULES, findings_text, sarif
from brownout_catalogue.findings import findings_json as json_form
from brownout_catalogue.findings.rule import LEVELS, Finding
from brownout_controller.cli.commands.report import write
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.spelling import unknown

FOUND: Final = 1
"""The exit status when there is a finding that is grave enough."""
_NEVER: Final = "never"


@click.command("findings", short_help="Find what is wrong with an architecture before any fault.")
@click.argument("file", type=click.Path(path_type=Path), metavar="ARCHITECTURE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--sarif", "sarif_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write SARIF 2.1.0; - is stdout, with nothing else on it.")  # fmt: skip
@click.option("--fail-on", type=click.Choice([*LEVELS, _NEVER]), default="error", show_default=True,
              help="Exit with 1 if there is a finding of this level or a graver one.")  # fmt: skip
@click.option("--ignore", "ignored", multiple=True, metavar="RULE", help="Leave out a rule; repeatable.")
@click.pass_context
def findings(
    context: click.Context, file: Path, as_json: bool, sarif_file: Path | None, fail_on: str, ignored: tuple[str, ...]
) -> None:
    """Check ARCHITECTURE by rules: timeouts that contradict each other, retries that multiply, pools that are too
    small, single replicas, caches without fallback, certificates without rotation. Each finding has its numbers and
    what ends it.

    Rules use the file alone; a note names what a rule would need. Exit status: 0 no finding of the level of --fail-on,
    1 at least one, 2 the file is wrong.
    """
    known = [rule.id for rule in RULES]
    for name in ignored:
        if name not in known:
            raise InvalidSpec("--ignore", unknown(f"rule {name!r}", name, known))
    if as_json and str(sarif_file) == "-":
        raise InvalidSpec("--sarif -", "and --json both want stdout; write the SARIF into a file")
    root = document.read(file, columns=True)
    architecture = read_architecture(root, str(file))
    assert root is not None, "an empty file is no architecture"
    found = [one for one in static.findings(architecture, datetime.now(UTC).date()) if one.rule.id not in ignored]
    idle = static.idle(architecture)
    if sarif_file is not None and str(sarif_file) != "-":
        write(sarif_file, sarif.render(found, RULES, root))
        click.echo(str(sarif_file), err=True)
    if sarif_file is not None and str(sarif_file) == "-":
        click.echo(sarif.render(found, RULES, root), nl=False)
    elif as_json:
        click.echo(json_form.render(architecture.name, found, root, idle), nl=False)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else findings_text.WIDTH
        click.echo(findings_text.render(architecture.name, found, root, width, idle), nl=False)
    if any(_is_grave(one, fail_on) for one in found):
        context.exit(FOUND)


def _is_grave(finding: Finding, fail_on: str) -> bool:
    return fail_on != _NEVER and finding.level in LEVELS[: [*LEVELS, _NEVER].index(fail_on) + 1]
