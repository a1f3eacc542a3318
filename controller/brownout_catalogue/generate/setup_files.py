"""What a repository needs besides experiments: brownout.yaml with the proxies of their edges, and a job for its CI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from brownout_catalogue.generate.edge_proxies import EdgeProxy
from brownout_catalogue.importers.yaml.architecture_file import flow, scalar
from brownout_core.formatting import line

Ci = Literal["github", "gitlab"]

CI_FILES: Final[Mapping[Ci, str]] = {"github": ".github/workflows/brownout.yml", "gitlab": "brownout.gitlab-ci.yml"}
"""Files of their own: what somebody has written already is not touched."""
REQUIREMENTS: Final = "brownout-requirements.txt"
"""What the job installs beside Brownout itself: every dependency with its version and hashes."""
_LOCK: Final = Path(__file__).parent / "job-requirements.lock"  # `make lock` writes it


def settings(found: Sequence[EdgeProxy], runs: Sequence[str], up: str = "") -> str:
    """brownout.yaml; `runs` are the commands to type once the proxies run; `up` is the command that starts them in a
    compose project, empty where they run on this machine."""
    return "\n".join(_settings(found, runs, up)) + "\n"


def _settings(found: Sequence[EdgeProxy], runs: Sequence[str], up: str) -> Iterator[str]:
    yield "# The proxies, and where `brownout run` finds edges."
    yield "#"
    if up:
        yield "# 1. Start the system with its proxies, whose callers are redirected by the second file:"
        yield f"#      {line(up)}"
        yield "# 2. Try, then run, from this machine:"
    else:
        yield "# 1. Start the proxies: brownout proxy --config brownout.yaml"
        yield "# 2. Set the address that each caller connects to:"
        for proxy in found:
            for edge in proxy.edges:
                source, _, sink = edge.rpartition(" -> ")
                yield f"#      {line(source)} finds {line(sink)} at {proxy.host}:{proxy.listen}"
        yield "# 3. Try, then run:"
    for run in runs:
        yield f"#      {line(run)}"
    yield ""
    yield "proxies:" if found else "proxies: {}"
    for proxy in found:
        yield f"  {scalar(proxy.proxy)}:"
        yield f"    listen: {proxy.host}:{proxy.listen}"
        yield f"    upstream: {scalar(proxy.upstream)}  # {line(proxy.why)}"
    yield ""
    yield "environments:"
    yield "  local:"
    yield "    control: 127.0.0.1:8473"
    if up:
        yield '    token: "${BROWNOUT_TOKEN:-}"'
    named = [(edge, proxy.proxy) for proxy in found for edge in proxy.edges if proxy.proxy != proxy.sink]
    if named:
        yield "    edges:"
        yield from (f"      {scalar(edge)}: {flow({'proxy': name})}" for edge, name in named)
    yield "    limits: {max_duration: 5m}"


class Job(NamedTuple):
    """What a CI job runs."""

    folder: str
    variables: Mapping[str, str]
    """The variables that the experiments need, with a value for each; may be empty."""
    up: str
    """The command that starts the system with its proxies; empty where the job starts the proxies itself."""


def ci(kind: Ci, job: Job) -> str:
    return "\n".join(_github(job) if kind == "github" else _gitlab(job)) + "\n"


_HEAD: Final = (
    "# Runs the experiments and keeps the reports. Exit status 0: passed, 1: refuted, 3: inconclusive.",
)  # fmt: skip
_SOURCE: Final = (
    "# BROWNOUT_SOURCE is where Brownout comes from: a wheel with its hash (https://HOST/brownout-VERSION.whl#sha256=H)",
    "# or a repository at a commit (git+https://HOST/brownout@COMMIT). Never use a bare name: whoever registers it on",
    "# a public index would run in this job.",
)  # fmt: skip
_INSTALL: Final = (
    f"python -m pip install --require-hashes --requirement {REQUIREMENTS}",
    'python -m pip install --no-deps "${BROWNOUT_SOURCE:?set it to where Brownout comes from, see this file}"',
)
_IMAGE: Final = (
    "# BROWNOUT_IMAGE is the image of the proxies: built from Brownout's Dockerfile, in a registry of yours, and named",
    "# with its digest (REGISTRY/brownout@sha256:...).",
)
_PROXIES: Final = ("brownout proxy --config brownout.yaml > proxy.log 2>&1 &", "brownout wait")
_START: Final = "echo 'start the system here'"
_RUN: Final = "brownout run $EXPERIMENTS --report brownout.html --report brownout.xml --report brownout.md"


def requirements() -> str:
    """The content of REQUIREMENTS."""
    return _LOCK.read_text(encoding="utf-8")


def _github(job: Job) -> Iterator[str]:
    experiments = f"{job.folder}/*.yaml"
    yield from _HEAD
    yield from _SOURCE
    yield from _IMAGE if job.up else ()
    yield "# They are variables of the repository." if job.up else "# It is a variable of the repository."
    yield from (
        "name: brownout", "on:", "  pull_request:", "  workflow_dispatch:", "    inputs:", "      experiments:",
        "        description: Which experiments, as a shell writes it", f"        default: {scalar(experiments)}",
        "", "permissions:", "  contents: read", "", "concurrency: brownout-${{ github.ref }}", "",
        "jobs:", "  experiments:", "    runs-on: ubuntu-latest", "    timeout-minutes: 30", "    steps:",
        "      - uses: actions/checkout@v4", "        with: {persist-credentials: false}",
        "      - uses: actions/setup-python@v5", '        with: {python-version: "3.12"}',
        "      - name: Install brownout", "        env:", "          BROWNOUT_SOURCE: ${{ vars.BROWNOUT_SOURCE }}",
        "        run: |", *(f"          {command}" for command in _INSTALL),
    )  # fmt: skip
    if job.up:
        yield from (
            "      - name: Start the system with its proxies", "        env:",
            "          BROWNOUT_IMAGE: ${{ vars.BROWNOUT_IMAGE }}", f"        run: {job.up}",
        )  # fmt: skip
    else:
        yield from (
            "      - name: Start the proxies", "        run: |", *(f"          {command}" for command in _PROXIES),
            "      - name: Start the system", f"        run: {_START}",
        )  # fmt: skip
    yield from (
        "      - name: Run the experiments", "        env:",
        f"          EXPERIMENTS: ${{{{ inputs.experiments || {_quoted(experiments)} }}}}",
        *(f"          {name}: {scalar(value)}  # assumed: write where it is" for name, value in job.variables.items()),
        f"        run: {_RUN}",
        "      - name: Publish the verdicts", "        if: always()",
        '        run: test ! -f brownout.md || head -c 900000 brownout.md >> "$GITHUB_STEP_SUMMARY"',
        "      - uses: actions/upload-artifact@v4", "        if: always()", "        with:", "          name: brownout",
        "          path: |", "            brownout.html", "            brownout.xml", "            proxy.log",
        "            .brownout/runs", "          include-hidden-files: true", "          if-no-files-found: ignore",
    )  # fmt: skip


def _quoted(text: str) -> str:
    """As a literal of a workflow's expressions."""
    return "'" + text.replace("'", "''") + "'"


def _gitlab(job: Job) -> Iterator[str]:
    yield from _HEAD
    yield from _SOURCE
    yield from _IMAGE if job.up else ()
    yield "# They are CI/CD variables of the project." if job.up else "# It is a CI/CD variable of the project."
    yield f"# In .gitlab-ci.yml: include: [{{local: {CI_FILES['gitlab']}}}]"
    yield from (
        "brownout:", "  image: python:3.12", "  resource_group: brownout", "  timeout: 30m", "  variables:",
        f"    EXPERIMENTS: {scalar(f'{job.folder}/*.yaml')}",
        *(f"    {name}: {scalar(value)}  # assumed: write where it is" for name, value in job.variables.items()),
        "  script:", *(f"    - {command}" for command in _INSTALL),
        *(f"    - {command}" for command in ((job.up,) if job.up else (*_PROXIES, _START))),
        f"    - {_RUN}", "  artifacts:", "    when: always",
        "    paths: [brownout.html, brownout.xml, brownout.md, proxy.log, .brownout/runs]", "    reports:",
        "      junit: brownout.xml",
    )  # fmt: skip
