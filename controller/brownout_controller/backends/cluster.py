"""One way to a cluster's API: where it is, who we are, and what its answers mean.

The `kubernetes` package knows kubeconfig, credential plugins and service accounts; it is imported when a cluster is
asked for the first time, as it takes half a second and has an extra of its own. Requests and answers are plain JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from yaml import YAMLError

from brownout_controller.model.environment import Kubernetes
from brownout_core import __version__
from brownout_core.errors import BrownoutError

CALL: Final = 5.0
"""Seconds that one request may take."""
_LOGIN: Final = 30.0  # seconds that a credential plugin may take; those of clouds start slowly
_UNAUTHORIZED: Final = 401


class ClusterError(BrownoutError):
    """The API said no, or nothing. `status` is that of HTTP; 0 means that there was no answer."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Cluster:
    """The API server of a context, or of the cluster that this process runs in. Belongs to one event loop."""

    def __init__(self, place: Kubernetes) -> None:
        self._place = place
        self._client: Any = None
        self._retired: list[Any] = []
        """Clients whose credentials are no good any more, and whose last requests may be on their way."""
        self._login = asyncio.Lock()

    async def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float = CALL
    ) -> dict[str, Any]:
        """The object that it answers. Raises ClusterError."""
        fresh = self._client is None
        client = await self._connected()
        status, content = await self._bounded(client, method, path, body, seconds)
        if status == _UNAUTHORIZED and not fresh:
            # Tokens of credential plugins expire in the middle of a run; nothing was done yet, so once more is safe.
            if self._client is client:
                self._retired.append(client)
                self._client = None
            status, content = await self._bounded(await self._connected(), method, path, body, seconds)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ClusterError(f"{self._name} answers {status} with what is no object of a cluster")
        if status >= 400:
            raise ClusterError(str(answer.get("message") or f"{self._name} answers {status}"), status)
        return answer

    async def close(self) -> None:
        for client in (*self._retired, self._client):
            if client is not None:
                await client.close()
        self._retired, self._client = [], None

    @property
    def _name(self) -> str:
        return "the cluster" if self._client is None else str(self._client.configuration.host)

    async def _connected(self) -> Any:
        async with self._login:
            if self._client is None:
                try:
                    async with asyncio.timeout(_LOGIN):
                        self._client = await _client(self._place)
                except TimeoutError:
                    raise ClusterError(f"no credentials for the cluster within {_LOGIN:g} s") from None
            return self._client

    async def _bounded(
        self, client: Any, method: str, path: str, body: Mapping[str, Any] | None, seconds: float
    ) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(seconds):
                return await self._send(client, method, path, body)
        except TimeoutError:
            raise ClusterError(f"{self._name} does not answer within {seconds:g} s") from None

    async def _send(self, client: Any, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        import aiohttp
        from kubernetes.aio.config import ConfigException

        try:
            verb, url, headers, content, _ = await client.param_serialize(
                method, path, query_params=[], body=body, auth_settings=["BearerToken"]
            )
            answer = await client.call_api(verb, url, headers, content)
            return answer.status, await answer.read()
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise ClusterError(f"{self._name} does not answer: {str(error) or type(error).__name__}") from None
        except ConfigException as error:  # a pod's token is read anew now and then, perhaps while it is being replaced
            raise ClusterError(f"no credentials for {self._name}: {_error_text(error)}") from None


async def _client(place: Kubernetes) -> Any:
    """As kubectl has it: what the context says; without a kubeconfig, the service account of the pod."""
    try:
        from kubernetes.aio import client, config
    except ImportError:
        raise ClusterError(
            "the package kubernetes is not there: install Brownout with its extra `kubernetes`, see README"
        ) from None
    settings = client.Configuration()
    settings.retries = None  # whoever asks knows what may be asked twice
    files, known = _kubeconfig()
    try:
        if known or place.context is not None or "KUBERNETES_SERVICE_HOST" not in os.environ:
            if not known:
                raise ClusterError(f"there is no kubeconfig {files}; set KUBECONFIG")
            await config.load_kube_config(files, place.context, settings, persist_config=False)
        else:
            config.load_incluster_config(settings)
        made = client.ApiClient(settings)
        made.user_agent = f"brownout/{__version__}"  # also the field manager that an object of ours shows
        return made
    except (TypeError, AttributeError, LookupError):
        raise ClusterError(f"kubeconfig {files}: is no kubeconfig") from None
    except (config.ConfigException, YAMLError, OSError, ValueError) as error:
        text = _error_text(error)
        raise ClusterError(f"kubeconfig {files}: {text}" if known else text) from None


def _error_text(error: Exception) -> str:
    """Without the whole sections of a kubeconfig, tokens and all, that the package puts into its messages."""
    return " ".join(str(error).partition("{")[0].split()) or type(error).__name__


def _kubeconfig() -> tuple[str, bool]:
    """Where kubectl looks for it, and whether there is one."""
    files = os.environ.get("KUBECONFIG") or "~/.kube/config"
    return files, any(Path(name).expanduser().exists() for name in files.split(os.pathsep) if name)
