"""The objects of a live namespace, which are read as manifests are.

Needs no right but to list. Secrets are not asked for unless somebody wants it: which keys are referred to is known
without them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

from brownout_catalogue.importers.kubernetes.manifests import Object, as_object
from brownout_catalogue.importers.source import entries, mapping, text
from brownout_core.errors import Unavailable


class Answer(NamedTuple):
    """What the API server of a cluster answered: an object, or why there is none."""

    content: Mapping[str, Any]
    status: int = 200
    """Of HTTP; 0 if the server did not answer."""
    reason: str = ""
    """Why it is not 200."""


Get = Callable[[str], Awaitable[Answer]]
"""Reads a path of the API."""

_KINDS: Final = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Secret": "/api/v1/namespaces/{}/secrets",
}
_EXTENSIONS: Final = {
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    "GRPCRoute": ("gateway.networking.k8s.io/v1", "grpcroutes"),
    "VirtualService": ("networking.istio.io/v1", "virtualservices"),
    "PeerAuthentication": ("security.istio.io/v1", "peerauthentications"),
    "Certificate": ("cert-manager.io/v1", "certificates"),
}
"""Kinds that a cluster may have; for those that it has not, it answers a page and no object, so it is asked before."""
_HIDDEN: Final = (403, 404)
_FORBIDDEN: Final = 403
_OK: Final = 200


async def read_namespace(get: Get, namespace: str, note: Callable[[str], None], *, secrets: bool) -> list[Object]:
    """Everything that an import understands. Raises Unavailable when nothing at all may be listed."""
    found: list[Object] = []
    refused: list[str] = []
    reason = ""
    known = {kind: path for kind, path in _KINDS.items() if secrets or kind != "Secret"}
    for kind, path in {**known, **await _extensions(get)}.items():
        answer = await get(path.format(namespace))
        if answer.status == _FORBIDDEN:
            refused.append(path.rpartition("/")[2])
            reason = answer.reason
            continue
        items = _content(answer).get("items")
        objects = (
            (as_object(kind, item) for item in items if isinstance(item, Mapping)) if isinstance(items, list) else ()
        )
        found += [one for one in objects if one is not None]
    if refused and not found:
        raise Unavailable(reason)
    if refused:
        note(f"may not list {', '.join(refused)} of {namespace}; they are missing")
    # Labels of the namespace itself switch meshes on; many users may not read it.
    itself = await get(f"/api/v1/namespaces/{namespace}")
    one = None if itself.status in _HIDDEN else as_object("Namespace", _content(itself))
    return found if one is None else [*found, one]


def _content(answer: Answer) -> Mapping[str, Any]:
    """Raises Unavailable for a refusal."""
    if answer.status != _OK:
        raise Unavailable(answer.reason)
    return answer.content


async def _extensions(get: Get) -> dict[str, str]:
    """The paths of those that the cluster has."""
    found = {}
    apis = await get("/apis")
    listed = {} if apis.status in _HIDDEN else _content(apis)
    groups = {text(mapping(group).get("name")) for group in entries(listed.get("groups"))}
    resources: dict[str, set[str | None]] = {}
    for kind, (version, plural) in _EXTENSIONS.items():
        if version.partition("/")[0] not in groups:
            continue
        if version not in resources:
            # A group that the cluster has in another version only is answered with a page, whatever its status.
            answer = await get(f"/apis/{version}")
            offered = entries(answer.content.get("resources")) if answer.status == _OK else ()
            resources[version] = {text(mapping(one).get("name")) for one in offered}
        if plural in resources[version]:
            found[kind] = f"/apis/{version}/namespaces/{{}}/{plural}"
    return found
