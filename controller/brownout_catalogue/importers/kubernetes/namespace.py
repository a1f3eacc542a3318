"""The objects of a live namespace, which are read as manifests are.

Needs no right but to list. Secrets are not asked for unless somebody wants it: which keys are referred to is known
without them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from brownout_catalogue.importers.kubernetes.manifests import Object, as_object
from brownout_catalogue.importers.source import entries, mapping, text
from brownout_controller.backends.cluster import ClusterError

Get = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Asks the API for a path. Raises ClusterError."""

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


async def read_namespace(get: Get, namespace: str, note: Callable[[str], None], *, secrets: bool) -> list[Object]:
    """Everything that an import understands. Raises ClusterError when nothing at all may be listed."""
    found: list[Object] = []
    refused: list[str] = []
    known = {kind: path for kind, path in _KINDS.items() if secrets or kind != "Secret"}
    for kind, path in {**known, **await _extensions(get)}.items():
        try:
            answer = await get(path.format(namespace))
        except ClusterError as error:
            if error.status == _FORBIDDEN:
                refused.append(path.rpartition("/")[2])
                last = error
                continue
            raise
        items = answer.get("items")
        objects = (
            (as_object(kind, item) for item in items if isinstance(item, Mapping)) if isinstance(items, list) else ()
        )
        found += [one for one in objects if one is not None]
    if refused and not found:
        raise last
    if refused:
        note(f"may not list {', '.join(refused)} of {namespace}; what they say is missing")
    return found + await _itself(get, namespace)


async def _extensions(get: Get) -> dict[str, str]:
    """The paths of those that the cluster has."""
    found = {}
    groups = {text(mapping(group).get("name")) for group in entries((await _seen(get, "/apis")).get("groups"))}
    resources: dict[str, set[str | None]] = {}
    for kind, (version, plural) in _EXTENSIONS.items():
        if version.partition("/")[0] not in groups:
            continue
        if version not in resources:
            listed = entries((await _seen(get, f"/apis/{version}")).get("resources"))
            resources[version] = {text(mapping(one).get("name")) for one in listed}
        if plural in resources[version]:
            found[kind] = f"/apis/{version}/namespaces/{{}}/{plural}"
    return found


async def _seen(get: Get, path: str) -> Mapping[str, Any]:
    """Nothing where the cluster shows nothing: a group that has another version answers with a page."""
    try:
        return await get(path)
    except ClusterError as error:
        if error.status in _HIDDEN or path != "/apis":
            return {}
        raise


async def _itself(get: Get, namespace: str) -> list[Object]:
    """The namespace, whose labels switch meshes on; it may be nobody's business."""
    try:
        one = as_object("Namespace", await get(f"/api/v1/namespaces/{namespace}"))
    except ClusterError as error:
        if error.status not in _HIDDEN:
            raise
        return []
    return [] if one is None else [one]
