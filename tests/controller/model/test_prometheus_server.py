"""What an environment's Prometheus asks for: said once, in one way, and kept to itself."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from brownout_controller.model.prometheus_server import PrometheusServer, server_of

URL = "https://prometheus.example"


def _server(**more: Any) -> PrometheusServer:
    return PrometheusServer.model_validate({"url": URL, **more})


def test_a_url_alone_is_a_server_that_asks_for_nothing() -> None:
    assert server_of(URL) == _server()
    assert server_of(None) is None
    assert server_of(_server(token="x")) == _server(token="x")
    assert (_server().all_headers(), _server().secrets) == ({}, [])


def test_who_asks_is_a_header() -> None:
    headers = {"X-Scope-OrgID": "shop"}
    assert _server(headers=headers, token="hunter22").all_headers() == {**headers, "Authorization": "Bearer hunter22"}
    told = _server(basic_auth={"user": "me", "password": "hunter22"})
    assert told.all_headers() == {"Authorization": "Basic bWU6aHVudGVyMjI="}
    assert set(told.secrets) == {"hunter22", "bWU6aHVudGVyMjI="}
    assert "hunter22" not in repr(told)
    assert "hunter22" not in repr(_server(token="hunter22", headers={"X": "hunter22"}, ca="x"))


@pytest.mark.parametrize(
    "more",
    [
        {"token": "a", "basic_auth": {"user": "a", "password": "b"}},
        {"token": "a", "headers": {"authorization": "b"}},
        {"token": "a", "url": "https://me:pw@prometheus.example"},
        {"url": "https://me:pw@prometheus.example", "basic_auth": {"user": "a", "password": "b"}},
    ],
)
def test_who_asks_is_said_once(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="credentials"):
        _server(**more)
