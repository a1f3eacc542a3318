"""The objects of a live namespace, which are read as manifests are.

Needs no right but to list. Secrets are not asked for unless somebody wants it: which keys are referred to is known
without them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from brownout_controller.backends.cluster import ClusterError
from brownout_controller.catalogue.importers.manifests import Object, as_object

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
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes",
    "GRPCRoute": "/apis/gateway.networking.k8s.io/v1/namespaces/{}/grpcroutes",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "PeerAuthentication": "/apis/security.istio.io/v1/namespaces/{}/peerauthentications",
    "Certificate": "/apis/cert-manager.io/v1/namespaces/{}/certificates",
    "Secret": "/api/v1/namespaces/{}/secrets",
}
_NOT_HERE: Final = 404
"""What is answered for a kind that the cluster does not have."""
_FORBIDDEN: Final = 403


async def read_namespace(get: Get, namespace: str, note: Callable[[str], None], *, secrets: bool) -> list[Object]:
    """Everything that an import understands. Raises ClusterError when nothing at all may be listed."""
    found: list[Object] = []
    refused: list[str] = []
    asked = [(kind, path.format(namespace)) for kind, path in _KINDS.items() if secrets or kind != "Secret"]
    for kind, path in asked:
        try:
            answer = await get(path)
        except ClusterError as error:
            if error.status == _FORBIDDEN:
                refused.append(path.rpartition("/")[2])
                last = error
                continue
            if error.status == _NOT_HERE:
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


async def _itself(get: Get, namespace: str) -> list[Object]:
    """The namespace, whose labels switch meshes on; it may be nobody's business."""
    try:
        one = as_object("Namespace", await get(f"/api/v1/namespaces/{namespace}"))
    except ClusterError as error:
        if error.status not in (_FORBIDDEN, _NOT_HERE):
            raise
        return []
    return [] if one is None else [one]
