"""What a repository needs besides experiments: brownout.yaml with proxies for their edges, and a job for its CI."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from brownout_catalogue.architecture import Architecture, Kind
from brownout_catalogue.generate.experiment_file import carrier
from brownout_catalogue.importers.yaml.architecture_file import flow, scalar
from brownout_core.formatting import line

Ci = Literal["github", "gitlab"]

CI_FILES: Final[Mapping[Ci, str]] = {"github": ".github/workflows/brownout.yml", "gitlab": "brownout.gitlab-ci.yml"}
"""Files of their own: what somebody has written already is not touched."""
REQUIREMENTS: Final = "brownout-requirements.txt"
"""What the job installs beside Brownout itself: every dependency with its version and hashes."""
_LOCK: Final = Path(__file__).parent / "job-requirements.lock"  # `make lock` writes it
_SHIFT: Final = 10_000
"""A proxy listens so far above what it stands before: 15432 for 5432."""
_OURS: Final = frozenset((8473, 8474))
"""Where the proxy itself is controlled."""
_PORTS: Final = (
    (r"postgres|\bpg\b|pgsql|pgbouncer|timescale", 5432), (r"mysql|mariadb", 3306), (r"mongo", 27017),
    (r"redis|valkey|dragonfly|keydb", 6379), (r"memcache", 11211), (r"rabbit|amqp", 5672), (r"kafka|redpanda", 9092),
    (r"nats", 4222), (r"elastic|opensearch", 9200), (r"cassandra|scylla", 9042), (r"clickhouse", 8123),
)  # fmt: skip
_BY_KIND: Final[Mapping[Kind, int]] = {
    "gateway": 8080, "service": 8080, "worker": 8080, "database": 5432, "cache": 6379, "queue": 5672,
}  # fmt: skip


class Place(NamedTuple):
    """A proxy, and what it stands before."""

    proxy: str
    sink: str
    edges: tuple[str, ...]
    listen: int
    upstream: str
    why: str
    """Where the upstream is from."""


def places(architecture: Architecture, edges: Sequence[str], published: Mapping[str, int]) -> Sequence[Place]:
    """A proxy for each edge's end; `published` are the ports of this machine by component."""
    taken = {*published.values(), *_OURS}
    found: dict[str, Place] = {}
    for edge in dict.fromkeys(edges):
        sink = edge.rpartition(" -> ")[2]
        proxy = carrier(architecture, edge)
        if proxy in found:
            found[proxy] = found[proxy]._replace(edges=(*found[proxy].edges, edge))
            continue
        upstream, why = _upstream(architecture, edge, published)
        listen = int(upstream.rpartition(":")[2]) + _SHIFT
        while listen in taken or listen > 65535:
            listen = listen + 1 if listen < 65535 else _SHIFT
        taken.add(listen)
        found[proxy] = Place(proxy, sink, (edge,), listen, upstream, why)
    return list(found.values())


def _upstream(architecture: Architecture, edge: str, published: Mapping[str, int]) -> tuple[str, str]:
    source, _, sink = edge.rpartition(" -> ")
    component = architecture.components[sink]
    call = architecture.components[source].calls.get(sink) if source in architecture.components else None
    port = (call.port if call is not None else None) or component.where.port
    if sink in published:
        return f"127.0.0.1:{published[sink]}", "the port that the compose file publishes"
    if sink in architecture.external and component.where.host and port:
        return f"{component.where.host}:{port}", f"external.{sink}.where"
    if port:
        return f"127.0.0.1:{port}", f"assumed: {sink} runs on this machine, at the port of the architecture"
    known = f"{sink} {component.where.image or ''}".lower()
    usual = next((port for name, port in _PORTS if re.search(name, known)), None)
    usual = usual or _BY_KIND[architecture.kind(sink)]
    return f"127.0.0.1:{usual}", f"assumed: {sink} runs on this machine, at the usual port"


def settings(found: Sequence[Place], runs: Sequence[str]) -> str:
    """brownout.yaml; `runs` are the commands that can be given once the proxy runs."""
    return "\n".join(_settings(found, runs)) + "\n"


def _settings(found: Sequence[Place], runs: Sequence[str]) -> Iterator[str]:
    yield "# Proxies for `brownout proxy --config brownout.yaml`, and where `brownout run` finds edges."
    yield "#"
    yield "# 1. Start the proxies: brownout proxy --config brownout.yaml"
    yield "# 2. Let the callers go through them, by whatever setting says where to connect:"
    for place in found:
        for edge in place.edges:
            source, _, sink = edge.rpartition(" -> ")
            yield f"#      {line(source)} finds {line(sink)} at 127.0.0.1:{place.listen}"
    yield "#    (from inside a container that is host.docker.internal or the like, and `listen` must be an address that"
    yield "#    containers can reach; without a token the control API stays on loopback)"
    yield "# 3. Try, then run:"
    for run in runs:
        yield f"#      {line(run)}"
    yield ""
    yield "proxies:" if found else "proxies: {}"
    for place in found:
        yield f"  {scalar(place.proxy)}:"
        yield f"    listen: 127.0.0.1:{place.listen}"
        yield f"    upstream: {scalar(place.upstream)}  # {line(place.why)}"
    yield ""
    yield "environments:"
    yield "  local:"
    yield "    control: 127.0.0.1:8473"
    named = [(edge, place.proxy) for place in found for edge in place.edges if place.proxy != place.sink]
    if named:
        yield "    edges:"
        yield from (f"      {scalar(edge)}: {flow({'proxy': proxy})}" for edge, proxy in named)
    yield "    limits: {max_duration: 5m}"


class Job(NamedTuple):
    """What a CI job needs to know."""

    folder: str
    variables: Mapping[str, str]
    """That the experiments need, with what stands for them; may be empty."""
    compose: str
    """The compose file that starts the system; empty if there is none."""


def ci(kind: Ci, job: Job) -> str:
    return "\n".join(_github(job) if kind == "github" else _gitlab(job)) + "\n"


_HEAD: Final = (
    "# Runs the experiments and keeps the reports. Exit status 0: passed, 1: refuted, 3: inconclusive (nothing shown).",
    "# The callers in the system must be set to go through the proxies, see brownout.yaml.",
)
_SOURCE: Final = (
    "# Where Brownout comes from: a wheel with its hash (https://HOST/brownout-VERSION-py3-none-any.whl#sha256=H)",
    "# or a repository at a commit (git+https://HOST/brownout@COMMIT). Never a bare name: whoever registers it on a",
    "# public index would run in this job.",
)  # fmt: skip
_INSTALL: Final = (
    f"python -m pip install --require-hashes --requirement {REQUIREMENTS}",
    'python -m pip install --no-deps "${BROWNOUT_SOURCE:?set it to where Brownout comes from, see this file}"',
)
_WAIT: Final = "brownout wait"
_RUN: Final = "brownout run $EXPERIMENTS --report brownout.html --report brownout.xml --report brownout.md"


def requirements() -> str:
    """The content of REQUIREMENTS."""
    return _LOCK.read_text(encoding="utf-8")


def _start(job: Job) -> str:
    return f"docker compose --file {job.compose} up --detach --wait" if job.compose else "echo 'start the system here'"


def _github(job: Job) -> Iterator[str]:
    experiments = f"{job.folder}/*.yaml"
    yield from _HEAD
    yield from _SOURCE
    yield "# Set it as the variable BROWNOUT_SOURCE of the repository."
    yield from (
        "name: brownout", "on:", "  pull_request:", "  workflow_dispatch:", "    inputs:", "      experiments:",
        "        description: Which experiments, as a shell writes it", f"        default: {scalar(experiments)}",
        "", "permissions:", "  contents: read", "", "concurrency: brownout-${{ github.ref }}", "",
        "jobs:", "  experiments:", "    runs-on: ubuntu-latest", "    timeout-minutes: 30", "    steps:",
        "      - uses: actions/checkout@v4", "        with: {persist-credentials: false}",
        "      - uses: actions/setup-python@v5", '        with: {python-version: "3.12"}',
        "      - name: Install brownout", "        env:", "          BROWNOUT_SOURCE: ${{ vars.BROWNOUT_SOURCE }}",
        "        run: |", *(f"          {command}" for command in _INSTALL),
        "      - name: Start the proxies", "        run: |",
        "          brownout proxy --config brownout.yaml > proxy.log 2>&1 &", f"          {_WAIT}",
        "      - name: Start the system", f"        run: {_start(job)}",
        "      - name: Run the experiments", "        env:",
        f"          EXPERIMENTS: ${{{{ inputs.experiments || {_quoted(experiments)} }}}}",
        *(f"          {name}: {scalar(value)}  # assumed: say where it is" for name, value in job.variables.items()),
        f"        run: {_RUN}",
        "      - name: Show the verdicts", "        if: always()",
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
    yield "# Set it as the CI/CD variable BROWNOUT_SOURCE of the project."
    yield f"# In .gitlab-ci.yml: include: [{{local: {CI_FILES['gitlab']}}}]"
    yield from (
        "brownout:", "  image: python:3.12", "  resource_group: brownout", "  timeout: 30m", "  variables:",
        f"    EXPERIMENTS: {scalar(f'{job.folder}/*.yaml')}",
        *(f"    {name}: {scalar(value)}  # assumed: say where it is" for name, value in job.variables.items()),
        "  script:", *(f"    - {command}" for command in _INSTALL),
        "    - brownout proxy --config brownout.yaml > proxy.log 2>&1 &", f"    - {_WAIT}", f"    - {_start(job)}",
        f"    - {_RUN}", "  artifacts:", "    when: always",
        "    paths: [brownout.html, brownout.xml, brownout.md, proxy.log, .brownout/runs]", "    reports:",
        "      junit: brownout.xml",
    )  # fmt: skip
