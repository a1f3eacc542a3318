"""An environment says which backend it is, and what it is opened with."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.backends.open_backend import open_backend
from brownout_controller.backends.proxy import ProxyBackend
from brownout_controller.model.environment import EdgePlace, Environment, Tls
from brownout_core.errors import InvalidSpec, Unavailable


async def test_an_environment_opens_its_backend(tmp_path: Path) -> None:
    memory = open_backend(Environment(backend="memory", edges={"a -> b": EdgePlace(proxy="p")}))
    assert isinstance(memory, MemoryBackend)
    assert [target.id for target in await memory.targets("a -> b")] == ["p"]
    proxy = open_backend(Environment(control=("127.0.0.1:1",), token="x"))
    assert isinstance(proxy, ProxyBackend)
    (place,) = await proxy.places([])
    assert "does not answer" in place.trouble
    await proxy.close()
    with pytest.raises(InvalidSpec, match="chaos-mesh is not there yet"):
        open_backend(Environment(backend="chaos-mesh"))
    with pytest.raises(Unavailable, match=r"tls\.ca: .*none\.pem: no such file"):
        open_backend(Environment(tls=Tls(ca=str(tmp_path / "none.pem"))))
    (tmp_path / "ca.der").write_bytes(b"\x30\x82")
    with pytest.raises(InvalidSpec, match=r"tls\.ca: .*ca\.der is not in PEM"):
        open_backend(Environment(tls=Tls(ca=str(tmp_path / "ca.der"))))
