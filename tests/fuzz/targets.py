"""The parsers that take foreign bytes, each with the inputs that it is fuzzed from. A parser answers or raises one of
our errors, whatever it is given; anything else is a finding."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from brownout_catalogue.architecture import Architecture, read_architecture
from brownout_catalogue.findings import findings
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.imported import Imported
from brownout_catalogue.importers.kubernetes.manifests import read_manifests
from brownout_catalogue.importers.kubernetes.reader import read_kubernetes
from brownout_catalogue.scoring.ranking import rank
from brownout_controller.api.messages import read_fault_request, read_run_request
from brownout_controller.cli.commands.report import FORMATS
from brownout_controller.engine import store
from brownout_controller.engine.history import collect
from brownout_controller.engine.resolve import RequestResolver, Rights
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.engine.store import Store
from brownout_controller.model.environment import read_environments
from brownout_controller.model.variables import Variables
from brownout_controller.report.run.run_report import run_report
from brownout_controller.v1 import controller_pb2
from brownout_core import document
from brownout_core.errors import BrownoutError
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from brownout_core.v1 import proxy_pb2
from brownout_core.wire import read_fault, read_values, show_fault
from brownout_proxy.api.codec import as_object, entries, first_value
from brownout_proxy.api.grpc import read_proxy as read_message
from brownout_proxy.api.proxies import Proxies, read_proxy, read_proxy_change
from brownout_proxy.api.toxics import read_toxic, read_toxic_change
from brownout_proxy.server import config

CORPUS: Final = Path(__file__).parent / "corpus"
_ROOT: Final = Path(__file__).parents[2]


Parse = Callable[[bytes, Path], object]


class Target(NamedTuple):
    """`parse` gets the bytes, and a folder that it may write to."""

    corpus: Callable[[], Sequence[bytes]]
    parse: Parse
    allowed: tuple[type[BaseException], ...] = (BrownoutError,)


def _files(*patterns: str) -> Callable[[], Sequence[bytes]]:
    def read() -> Sequence[bytes]:
        found = [path.read_bytes() for pattern in patterns for path in sorted(_ROOT.glob(pattern))]
        assert found, f"nothing is called {patterns}"
        return found

    return read


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


# What comes over a network.

_CURRENT: Final = FaultSpec("t", make("latency", {"latency": 1}))


def _http(content: bytes, _: Path) -> None:
    for read in (
        lambda: read_proxy(first_value(content)),
        lambda: read_proxy_change(first_value(content)),
        lambda: read_toxic(as_object(first_value(content)), ()),
        lambda: read_toxic_change(as_object(first_value(content)), _CURRENT),
        lambda: _populate(content),
    ):
        try:
            read()
        except BrownoutError:
            continue


def _populate(content: bytes) -> None:
    proxies = Proxies()
    for entry in entries(content):
        proxies.add(entry)
    list(proxies.specs())


def _messages() -> Sequence[bytes]:
    fault = show_fault(_CURRENT)
    fault.selection.clients.extend(["10.0.0.0/8", "fd00::/8"])
    create = proxy_pb2.CreateProxyRequest(name="a", listen="127.0.0.1:1", upstream="b:1", faults=[fault, fault])
    add = proxy_pb2.AddFaultRequest(proxy="a", fault=fault, lease=proxy_pb2.Lease(id="l"))
    add.lease.ttl.FromSeconds(3)
    wish = controller_pb2.StartFaultsRequest(edges=["a -> b"], faults=[fault], because="x")
    wish.duration.FromSeconds(3)
    order = controller_pb2.RunRequest(
        experiment=controller_pb2.Experiment(text="name: x", file="x.yaml", variables={"A": "b"}, seed=1)
    )
    return [message.SerializeToString() for message in (create, add, wish, order)]


def _protobuf(content: bytes, _: Path) -> None:
    for read in (
        lambda: asyncio.run(read_message(proxy_pb2.CreateProxyRequest.FromString(content))),
        lambda: _fault(proxy_pb2.AddFaultRequest.FromString(content)),
        lambda: read_fault_request(controller_pb2.StartFaultsRequest.FromString(content)),
        lambda: read_run_request(controller_pb2.RunRequest.FromString(content).experiment),
    ):
        try:
            read()
        except (BrownoutError, DecodeError):
            continue


def _fault(request: proxy_pb2.AddFaultRequest) -> None:
    read_fault(request.fault)
    read_values(request.fault.selection)


def _experiment(content: bytes, folder: Path) -> None:
    (folder / "brownout.yaml").write_text("environments: {}")
    stranger = RequestResolver(SettingsFile(folder / "brownout.yaml"), Rights(), {})
    stranger.resolve(RunRequest(_text(content), "x.yaml", variables={"A": "b"}))


# What comes from files.


def _proxies(content: bytes, _: Path) -> None:
    config.parse(_text(content), "f.yaml")


def _toxiproxy(content: bytes, _: Path) -> None:
    config.parse(_text(content), "f.json")


def _environment(content: bytes, _: Path) -> None:
    read_environments(document.parse(_text(content), "f.yaml", Variables({}, {"TOKEN": "x"}).expand, columns=True))


def _architecture(content: bytes, _: Path) -> None:
    architecture = read_architecture(document.parse(_text(content), "f.yaml", columns=True), "f.yaml")
    rank(architecture)
    findings(architecture)


def _compose(content: bytes, folder: Path) -> None:
    file = folder / "compose.yaml"
    file.write_bytes(content)
    Architecture.model_validate(read_compose([file]).content())


def _manifests(content: bytes, _: Path) -> None:
    found = Imported("standard input")
    read_kubernetes(found, read_manifests([Path("-")], io.BytesIO(content), found.note))
    Architecture.model_validate(found.content())


def _journal(content: bytes, folder: Path) -> None:
    run = folder / "runs" / "20260101-000000-x-00000000"
    run.mkdir(parents=True, exist_ok=True)
    (run / "journal.jsonl").write_bytes(content)
    known = Store(folder / "runs")
    for path in known.runs():
        for read in (store.brief, store.is_closed):
            try:
                read(path)
            except BrownoutError:
                continue
    collect([folder / "runs"])
    whole = run_report(store.read(run), run.name)
    for render in FORMATS.values():
        render(whole)


def _bodies() -> Sequence[bytes]:
    listed = (CORPUS / "toxiproxy.json").read_bytes()
    parsed = json.loads(listed)
    toxics = [toxic for proxy in parsed for toxic in proxy.get("toxics", ())]
    return [listed, *(json.dumps(each).encode() for each in (*parsed, *toxics))]


TARGETS: Final[dict[str, Target]] = {
    "http": Target(_bodies, _http),
    "protobuf": Target(_messages, _protobuf),
    "experiment": Target(_files("deploy/demo/experiments/*.yaml"), _experiment),
    "proxies": Target(_files("tests/fuzz/corpus/proxies.yaml"), _proxies),
    "toxiproxy": Target(_files("tests/fuzz/corpus/toxiproxy.json"), _toxiproxy),
    "environment": Target(_files("tests/fuzz/corpus/proxies.yaml"), _environment),
    "architecture": Target(_files("examples/architectures/*.yaml", "deploy/demo/*.yaml"), _architecture),
    "compose": Target(_files("tests/fuzz/corpus/compose.yaml"), _compose),
    "manifests": Target(_files("tests/fuzz/corpus/manifests.yaml"), _manifests),
    "journal": Target(_files("tests/fuzz/corpus/*.jsonl"), _journal),
}
"""By name."""
