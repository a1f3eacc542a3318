"""How requests come in (Ingress, Gateway API, Istio), and which calls network policies let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength
from brownout_catalogue.importers.kubernetes.manifests import Object
from brownout_catalogue.importers.source import entries, mapping, number, text

Find = Callable[[str, str | None], str | None]
Pods = Sequence[tuple[str, Mapping[str, str], str | None]]
"""Components with the labels of their pods and their namespace."""

_TRAEFIK = ("IngressRoute", "IngressRouteTCP")
_ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute")


def add_routes(found: Imported, objects: Sequence[Object], find: Find) -> None:
    """A gateway for everything that lets requests in, which calls what it routes to."""
    for one in objects:
        spec = mapping(one.content.get("spec"))
        routed = list(_routed(one, spec))
        sinks = [(sink, port) for host, port in routed if (sink := find(host, one.namespace)) is not None]
        if not sinks:
            continue
        for gateway in _gateways(one, spec):
            name = _gateway(found, gateway, one)
            if _has_issued_certificate(one, objects):
                found.services[name].rotation = "automatic"
            for sink, port in sinks:
                found.call(name, sink, Evidence(Strength.STRONG, f"{one.title} routes to it", one.place, port))


def _gateways(one: Object, spec: Mapping[str, Any]) -> list[str]:
    if one.kind == "Ingress":
        metadata = mapping(one.content.get("metadata"))
        known = mapping(metadata.get("annotations")).get("kubernetes.io/ingress.class")
        name = text(spec.get("ingressClassName")) or text(known)
        return ["ingress" if name is None else f"ingress-{name}"]
    if one.kind in _TRAEFIK:
        return ["traefik"]
    if one.kind == "Route":
        return ["openshift-router"]
    if one.kind in _ROUTES:
        parents = [text(mapping(parent).get("name")) for parent in entries(spec.get("parentRefs"))]
        return [parent for parent in parents if parent]
    names = [text(gateway) or "" for gateway in entries(spec.get("gateways"))]
    return [name.rpartition("/")[2] for name in names if name not in ("mesh", "")]


def _gateway(found: Imported, name: str, one: Object) -> str:
    known = found.services.get(name)
    if known is not None and known.kind != "gateway":
        name = f"{name}-gateway"  # a workload has the name already
    if name not in found.services:
        evidence = Evidence(Strength.STRONG, one.title, one.place)
        where = {"namespace": one.namespace}
        found.services[name] = Component(
            name, kind="gateway", where=where, guess=f"{evidence.strength.word}: {evidence}"
        )
    return name


def _routed(one: Object, spec: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    """Hosts and ports of what it routes to."""
    if one.kind == "Ingress":
        found = _of_ingress(spec)
    elif one.kind in _ROUTES:
        backends = (
            mapping(ref) for rule in entries(spec.get("rules")) for ref in entries(mapping(rule).get("backendRefs"))
        )
        found = ((text(backend.get("name")), number(backend.get("port"))) for backend in backends)
    elif one.kind in _TRAEFIK:
        backends = (
            mapping(ref) for rule in entries(spec.get("routes")) for ref in entries(mapping(rule).get("services"))
        )
        found = ((text(backend.get("name")), number(backend.get("port"))) for backend in backends)
    elif one.kind == "Route":
        ends = [mapping(spec.get("to")), *(mapping(end) for end in entries(spec.get("alternateBackends")))]
        port = number(mapping(spec.get("port")).get("targetPort"))
        found = ((text(end.get("name")), port) for end in ends)
    elif one.kind == "VirtualService":
        found = _of_virtual_service(spec)
    else:
        return
    for host, port in found:
        if host is not None:
            yield host, port


def _of_ingress(spec: Mapping[str, Any]) -> Iterator[tuple[str | None, int | None]]:
    backends = [mapping(spec.get("defaultBackend") or spec.get("backend"))]
    for rule in entries(spec.get("rules")):
        for path in entries(mapping(mapping(rule).get("http")).get("paths")):
            backends.append(mapping(mapping(path).get("backend")))
    for backend in backends:
        service = mapping(backend.get("service"))
        port = mapping(service.get("port")).get("number") or backend.get("servicePort")
        yield text(service.get("name")) or text(backend.get("serviceName")), number(port)


def _of_virtual_service(spec: Mapping[str, Any]) -> Iterator[tuple[str | None, int | None]]:
    routes = [route for protocol in ("http", "tcp", "tls") for route in entries(spec.get(protocol))]
    for route in routes:
        for target in entries(mapping(route).get("route")):
            destination = mapping(mapping(target).get("destination"))
            yield text(destination.get("host")), number(mapping(destination.get("port")).get("number"))


def _has_issued_certificate(one: Object, objects: Sequence[Object]) -> bool:
    """Whether cert-manager renews its certificate."""
    annotations = mapping(mapping(one.content.get("metadata")).get("annotations"))
    if any(key in annotations for key in ("cert-manager.io/issuer", "cert-manager.io/cluster-issuer")):
        return True
    secrets = {text(mapping(tls).get("secretName")) for tls in entries(mapping(one.content.get("spec")).get("tls"))}
    return any(
        other.kind == "Certificate" and text(mapping(other.content.get("spec")).get("secretName")) in secrets
        for other in objects
        if other.namespace == one.namespace
    )


def add_service_entries(found: Imported, objects: Sequence[Object], find: Find) -> None:
    """Hosts outside of the mesh, which pods may call: components that others run, where nothing is known of callers."""
    for one in objects:
        if one.kind != "ServiceEntry":
            continue
        spec = mapping(one.content.get("spec"))
        port = next((number(mapping(port).get("number")) for port in entries(spec.get("ports"))), None)
        for host in (text(host) for host in entries(spec.get("hosts"))):
            if host is not None and "*" not in host and find(host, one.namespace) is None:
                found.outside(
                    host.lower(), None, Evidence(Strength.LIKELY, f"{one.title} lets it be called", one.place, port)
                )


def add_policies(found: Imported, objects: Sequence[Object], pods: Pods) -> None:
    """What a NetworkPolicy lets through by labels may be a call."""
    for one in objects:
        if one.kind != "NetworkPolicy":
            continue
        spec = mapping(one.content.get("spec"))
        here = list(_selected(spec.get("podSelector"), one.namespace, pods))
        for direction, key in (("ingress", "from"), ("egress", "to")):
            for rule in entries(spec.get(direction)):
                for peer in entries(mapping(rule).get(key)):
                    if "namespaceSelector" in mapping(peer):
                        continue
                    there = list(_selected(mapping(peer).get("podSelector"), one.namespace, pods))
                    for source, sink in ((t, h) if direction == "ingress" else (h, t) for h in here for t in there):
                        found.call(source, sink, Evidence(Strength.WEAK, f"{one.title} lets it through", one.place))


def _selected(selector: object, namespace: str | None, pods: Pods) -> Iterator[str]:
    """Nothing for a selector of everything, as it picks nobody."""
    wanted = mapping(mapping(selector).get("matchLabels"))
    if wanted:
        for name, labels, space in pods:
            if space == namespace and all(labels.get(key) == text(value) for key, value in wanted.items()):
                yield name
