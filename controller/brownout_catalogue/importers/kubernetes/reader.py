"""Objects of a cluster in, components and calls out; from manifests or from the live API, which is the same here.

A component is a workload. It has the name of the Service by which others find it, if there is one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from brownout_catalogue.importers.entries import guess_entries
from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength
from brownout_catalogue.importers.kubernetes.manifests import Object
from brownout_catalogue.importers.kubernetes.routes import add_policies, add_routes, add_service_entries
from brownout_catalogue.importers.kubernetes.settings import PodSettings
from brownout_catalogue.importers.settings import Resolve, understand
from brownout_catalogue.importers.source import entries, mapping, number, text
from brownout_core.errors import InvalidSpec

WORKLOADS: Final = (
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Rollout", "ReplicaSet", "Pod", "DeploymentConfig",
)  # fmt: skip
_UNDERSTOOD: Final = frozenset((
    *WORKLOADS, "Service", "ConfigMap", "Secret", "Ingress", "IngressRoute", "IngressRouteTCP", "Route", "HTTPRoute",
    "GRPCRoute", "TCPRoute", "TLSRoute", "VirtualService", "ServiceEntry", "NetworkPolicy", "HorizontalPodAutoscaler",
    "ScaledObject", "PeerAuthentication", "Certificate", "Namespace",
    # These name no calls.
    "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "PersistentVolume",
    "PersistentVolumeClaim", "StorageClass", "PodDisruptionBudget", "CustomResourceDefinition", "PriorityClass",
    "LimitRange", "ResourceQuota", "Gateway", "GatewayClass", "IngressClass", "Issuer", "ClusterIssuer",
    "ServiceMonitor", "PodMonitor",
    "PrometheusRule", "PodSecurityPolicy", "ImageStream", "BuildConfig", "DestinationRule", "Endpoints",
    "EndpointSlice", "Telemetry", "AuthorizationPolicy", "RequestAuthentication", "ReferenceGrant", "Event", "Lease",
    "ControllerRevision", "APIService", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
    "VerticalPodAutoscaler", "Middleware", "Sidecar",
))  # fmt: skip
_ONE_OFF: Final = ("CronJob", "Job")
_PROBES: Final = ("liveness", "readiness", "startup")
_DOMAINS: Final = ("ai", "app", "cloud", "co", "com", "dev", "io", "net", "org")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Workload:
    """What runs pods."""

    def __init__(self, thing: Object) -> None:
        self.thing = thing
        spec = mapping(thing.content.get("spec"))
        outer = mapping(mapping(spec.get("jobTemplate")).get("spec")) if thing.kind == "CronJob" else spec
        template = thing.content if thing.kind == "Pod" else mapping(outer.get("template"))
        self.is_knative = is_knative(thing)
        self.spec = spec
        self.pod = mapping(template.get("spec"))
        self.labels = {
            key: text(value) or "" for key, value in mapping(mapping(template.get("metadata")).get("labels")).items()
        }
        self.annotations = mapping(mapping(template.get("metadata")).get("annotations"))
        self.containers = [one for one in entries(self.pod.get("containers")) if isinstance(one, Mapping)]
        self.starters = [one for one in entries(self.pod.get("initContainers")) if isinstance(one, Mapping)]

    @property
    def main(self) -> Mapping[str, Any]:
        """The container that is named like the workload, or the first."""
        named = [one for one in self.containers if text(one.get("name")) == self.thing.name]
        return next(iter([*named, *self.containers]), {})

    @property
    def app(self) -> str | None:
        return self.labels.get("app.kubernetes.io/name") or self.labels.get("app") or self.labels.get("k8s-app")

    def volumes(self, kind: str, key: str) -> Iterator[str]:
        """The names of what is mounted of a kind of volume."""
        for volume in entries(self.pod.get("volumes")):
            name = text(mapping(mapping(volume).get(kind)).get(key))
            if name is not None:
                yield name
            for source in entries(mapping(mapping(volume).get("projected")).get("sources")):
                name = text(mapping(mapping(source).get(kind)).get("name"))
                if name is not None:
                    yield name


def is_knative(thing: Object) -> bool:
    """A Service of Knative is a workload with a name of its own."""
    return thing.kind == "Service" and (text(thing.content.get("apiVersion")) or "").startswith("serving.knative.dev/")


def _is_workload(thing: Object) -> bool:
    return thing.kind in WORKLOADS or is_knative(thing)


class Services:
    """Which component answers under which host name."""

    def __init__(self, objects: Sequence[Object], workloads: Sequence[Workload]) -> None:
        self.all = [one for one in objects if one.kind == "Service" and not is_knative(one)]
        self.selected: dict[tuple[str | None, str], list[Workload]] = {
            (one.namespace, one.name): [work for work in workloads if _selects(one, work)] for one in self.all
        }
        self.components: dict[tuple[str | None, str], str] = {}
        for work in workloads:
            if work.is_knative:
                self.selected[work.thing.namespace, work.thing.name] = [work]

    def of(self, work: Workload) -> list[Object]:
        return [one for one in self.all if work in self.selected[one.namespace, one.name]]

    def find(self, host: str, namespace: str | None) -> str | None:
        """The component behind a host that is called from a namespace."""
        labels = host.rstrip(".").split(".")
        if len(labels) == 2 and labels[1] in _DOMAINS:
            return None  # redis.io is no Service in a namespace io
        for skipped in (0, 1):  # kafka-0.kafka: one pod of it
            name, rest = labels[skipped : skipped + 1], labels[skipped + 1 :]
            if not name or (rest[1:2] and rest[1] != "svc"):
                continue
            if skipped and not re.fullmatch(rf"{re.escape(name[0])}.*-[0-9]+|.*-[0-9]+", labels[0]):
                continue
            found = self._named(name[0], rest[0] if rest else namespace, exact=bool(rest))
            if found is not None:
                return found
        return None

    def within(self, namespace: str | None) -> Resolve:
        return lambda host, _: self.find(host, namespace)

    def _named(self, name: str, namespace: str | None, *, exact: bool) -> str | None:
        for (space, service), component in self.components.items():
            if service == name and (space == namespace or (space is None) or (namespace is None and not exact)):
                return component
        return None


def _selects(service: Object, work: Workload) -> bool:
    selector = mapping(mapping(service.content.get("spec")).get("selector"))
    same = service.namespace == work.thing.namespace
    return same and bool(selector) and all(work.labels.get(key) == text(value) for key, value in selector.items())


def read_kubernetes(found: Imported, objects: Sequence[Object]) -> Imported:
    """Fills `found`. Raises InvalidSpec."""
    objects = _referred(_latest(_without_hooks(objects, found), found))
    owned = [one for one in objects if not _is_owned(one)]
    workloads = [Workload(one) for one in owned if _is_workload(one)]
    if not workloads:
        raise InvalidSpec(found.source, "has no workload (a Deployment, StatefulSet, DaemonSet, CronJob or Job)")
    services = Services(objects, workloads)
    names = _grouped(workloads, services, found)
    for name, group in names.items():
        found.services[name] = _component(name, group, services, objects)
    members = {id(work): name for name, group in names.items() for work in group}
    _answer(services, members, found)
    configuration = PodSettings(objects, [work.pod for work in workloads])
    for name, group in names.items():
        for work in group:
            settings = list(configuration.settings(work.pod, work.thing, [*work.starters, *work.containers]))
            understand(found, name, settings, services.within(work.thing.namespace))
    add_routes(found, objects, services.find)
    add_policies(found, objects, [(members[id(work)], work.labels, work.thing.namespace) for work in workloads])
    add_service_entries(found, objects, services.find)
    _mesh(found, objects, names)
    _note_others(found, objects)
    found.finish()
    guess_entries(found, _exposed(found, services))
    return found


def _exposed(found: Imported, services: Services) -> dict[str, Evidence]:
    """What an Ingress or a gateway makes, and Services with an address outside of the cluster."""
    exposed = {
        name: Evidence(Strength.LIKELY, "lets requests in")
        for name, one in found.services.items()
        if one.kind == "gateway"
    }
    for service in services.all:
        kind = text(mapping(service.content.get("spec")).get("type"))
        name = services.components.get((service.namespace, service.name))
        if kind in ("LoadBalancer", "NodePort") and name is not None:
            exposed.setdefault(name, Evidence(Strength.LIKELY, f"{service.title} is a {kind}", service.place))
    return exposed


def _without_hooks(objects: Sequence[Object], found: Imported) -> list[Object]:
    """Helm's hooks and tests run beside a release and are none of its components."""
    hooks = [
        one for one in objects if "helm.sh/hook" in mapping(mapping(one.content.get("metadata")).get("annotations"))
    ]
    jobs = [one.title for one in hooks if one.kind in WORKLOADS]
    if jobs:
        found.note(f"left out, as Helm's hooks: {', '.join(jobs)}")
    return [one for one in objects if one not in hooks]


def _referred(objects: Sequence[Object]) -> list[Object]:
    """A Rollout with a workloadRef runs the pods of that workload, which is scaled down."""
    found = list(objects)
    for rollout in objects:
        refer = mapping(mapping(rollout.content.get("spec")).get("workloadRef"))
        name, kind = text(refer.get("name")), text(refer.get("kind"))
        for one in objects:
            if rollout.kind == "Rollout" and (one.kind, one.name, one.namespace) == (kind, name, rollout.namespace):
                spec = {**mapping(one.content.get("spec")), **mapping(rollout.content.get("spec"))}
                found[found.index(rollout)] = rollout._replace(content={**rollout.content, "spec": spec})
                found.remove(one)
    return found


def _note_others(found: Imported, objects: Sequence[Object]) -> None:
    """One note for all kinds that an import does not understand."""
    unknown = Counter(one.kind for one in objects if one.kind not in _UNDERSTOOD)
    if unknown:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(unknown.items()))
        found.note(f"not understood, and left out: {counts}; add what they call by hand")


def _latest(objects: Sequence[Object], found: Imported) -> list[Object]:
    """One of each; a later file wins."""
    known: dict[tuple[str, str | None, str], Object] = {}
    for one in objects:
        key = (one.kind, one.namespace, one.name)
        if key in known and _is_workload(one):
            found.note(f"{one.title} is there twice; the one of {one.place} counts")
        known[key] = one
    return list(known.values())


def _is_owned(one: Object) -> bool:
    """Pods and ReplicaSets of a live cluster belong to what is listed as well."""
    return bool(entries(mapping(one.content.get("metadata")).get("ownerReferences")))


def _grouped(workloads: Sequence[Workload], services: Services, found: Imported) -> dict[str, list[Workload]]:
    """Workloads by the name of their component: versions of one app behind one Service are one component."""
    groups: list[tuple[str, list[Workload]]] = []
    done: set[int] = set()
    for work in workloads:
        if id(work) in done:
            continue
        behind = services.of(work)
        together = [work]
        for service in behind:
            for other in services.selected[service.namespace, service.name]:
                if other not in together and id(other) not in done and work.app is not None and other.app == work.app:
                    together.append(other)
        done.update(id(one) for one in together)
        groups.append((_best_name(work, behind, together), together))
    names: dict[str, list[Workload]] = {}
    for name, group in groups:
        thing = group[0].thing
        for unique in (name, f"{name}-{thing.kind.lower()}", f"{name}.{thing.namespace}", f"{name}-{len(names)}"):
            if unique not in names:
                break
        if not _NAME.fullmatch(unique):
            raise InvalidSpec(
                str(thing.place or found.source), "a workload's name may have letters, digits, dots and -"
            )
        names[unique] = group
        if len(group) > 1:
            found.note(f"{unique} is {' and '.join(one.thing.title for one in group)}, behind one Service")
    return names


def _best_name(work: Workload, behind: Sequence[Object], together: Sequence[Workload]) -> str:
    names = [service.name for service in behind]
    if work.thing.name in names and len(together) == 1:
        return work.thing.name
    return names[0] if len(together) > 1 or len(names) == 1 else work.thing.name


def _component(name: str, group: Sequence[Workload], services: Services, objects: Sequence[Object]) -> Component:
    work = group[0]
    thing, main = work.thing, work.main
    component = Component(name, image=text(main.get("image")))
    if thing.kind in _ONE_OFF:
        component.kind = "worker"
    else:
        counted = [_replicas(one, objects) for one in group]
        component.replicas = None if None in counted else sum(count or 0 for count in counted)
    claims = entries(work.spec.get("volumeClaimTemplates")) or list(work.volumes("persistentVolumeClaim", "claimName"))
    component.stateful = True if claims else None
    limits = mapping(mapping(main.get("resources")).get("limits"))
    component.memory = text(limits.get("memory"))
    component.probes = tuple(kind for kind in _PROBES if any(f"{kind}Probe" in one for one in work.containers))
    mounted = set(work.volumes("secret", "secretName")) | set(work.volumes("secret", "name"))
    if any(_issues(one, mounted, thing.namespace) for one in objects):
        component.rotation = "automatic"
    component.where = {
        "namespace": thing.namespace,
        "workload": thing.title,
        "labels": _selector(work),
        "image": component.image,
        "port": _port(work, services),
    }
    return component


def _issues(one: Object, secrets: set[str], namespace: str | None) -> bool:
    spec = mapping(one.content.get("spec"))
    return one.kind == "Certificate" and one.namespace == namespace and text(spec.get("secretName")) in secrets


def _selector(work: Workload) -> dict[str, str]:
    """The labels by which its pods are found."""
    chosen = mapping(mapping(work.spec.get("selector")).get("matchLabels"))
    return {key: text(value) or "" for key, value in chosen.items()} or dict(work.labels)


def _replicas(work: Workload, objects: Sequence[Object]) -> int | None:
    if work.thing.kind == "DaemonSet":
        return None  # as many as there are nodes
    for one in objects:
        spec = mapping(one.content.get("spec"))
        target = mapping(spec.get("scaleTargetRef"))
        if one.kind not in ("HorizontalPodAutoscaler", "ScaledObject") or one.namespace != work.thing.namespace:
            continue
        if text(target.get("name")) == work.thing.name and target.get("kind", "Deployment") == work.thing.kind:
            least = number(spec.get("minReplicas", spec.get("minReplicaCount")))
            return 1 if least is None else least
    written = number(work.spec.get("replicas"))
    return 1 if written is None else written


def _port(work: Workload, services: Services) -> int | None:
    """What others call: the port of the Service, else that of the container."""
    for service in services.of(work):
        for port in entries(mapping(service.content.get("spec")).get("ports")):
            if (found := number(mapping(port).get("port"))) is not None:
                return found
    for port in entries(work.main.get("ports")):
        if (found := number(mapping(port).get("containerPort"))) is not None:
            return found
    return None


def _answer(services: Services, members: Mapping[int, str], found: Imported) -> None:
    """Gives each Service its component; those without pods of their own are external."""
    for key, works in services.selected.items():
        if works and works[0].is_knative:
            services.components[key] = members[id(works[0])]
    for service in services.all:
        key = (service.namespace, service.name)
        behind = services.selected[key]
        spec = mapping(service.content.get("spec"))
        host = text(spec.get("externalName"))
        if behind:
            services.components[key] = members[id(behind[0])]
        elif host is not None:
            evidence = Evidence(Strength.STRONG, f"service/{service.name} is {host}", service.place)
            services.components[key] = found.outside(host.lower().rstrip("."), None, evidence)
        elif not mapping(spec.get("selector")):
            evidence = Evidence(Strength.LIKELY, f"service/{service.name} has no pods of its own", service.place)
            if service.name not in found.services and service.name != "kubernetes":
                services.components[key] = found.outside(service.name, None, evidence)
        else:
            found.note(f"service/{service.name} selects no workload that was read")


def _mesh(found: Imported, objects: Sequence[Object], names: Mapping[str, Sequence[Workload]]) -> None:
    """Linkerd does mutual TLS by itself; Istio for sure only where it is strict."""
    spaces: dict[str | None, dict[str, Any]] = {}
    strict = set()
    for one in objects:
        metadata, spec = mapping(one.content.get("metadata")), mapping(one.content.get("spec"))
        if one.kind == "Namespace":
            spaces[one.name] = {**mapping(metadata.get("labels")), **mapping(metadata.get("annotations"))}
        whole = one.kind == "PeerAuthentication" and "selector" not in spec
        if whole and text(mapping(spec.get("mtls")).get("mode")) == "STRICT":
            strict.add(one.namespace)
    for name, group in names.items():
        space = group[0].thing.namespace
        is_strict = space in strict or "istio-system" in strict
        if all(_is_meshed(work, spaces.get(space, {}), strict=is_strict) for work in group):
            found.meshed.add(name)


def _is_meshed(work: Workload, space: Mapping[str, Any], *, strict: bool) -> bool:
    linkerd = text(work.annotations.get("linkerd.io/inject", space.get("linkerd.io/inject")))
    own = text(work.annotations.get("sidecar.istio.io/inject", work.labels.get("sidecar.istio.io/inject")))
    istio = own == "true" or (text(space.get("istio-injection")) == "enabled" and own != "false")
    return linkerd == "enabled" or (istio and strict)
