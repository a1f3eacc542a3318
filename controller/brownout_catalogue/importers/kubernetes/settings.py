"""The settings of pods: env, envFrom, arguments, mounted configuration.

The value of a Secret is looked at only to find hosts in it, and only where the manifests have it; it is not kept.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from brownout_catalogue.importers.kubernetes.manifests import Object
from brownout_catalogue.importers.settings import Setting, arguments, configuration
from brownout_catalogue.importers.source import entries, mapping, place_of, text

_LARGEST: Final = 256 * 2**10  # of a mounted file; certificates and dashboards are larger than what names hosts


class PodSettings:
    """The configuration that pods may refer to."""

    def __init__(self, objects: Sequence[Object], pods: Sequence[Mapping[str, Any]] = ()) -> None:
        self._uses = Counter(use for pod in pods for use in _whole(pod))
        self._maps = {(one.namespace, one.name): one for one in objects if one.kind == "ConfigMap"}
        self._secrets = {(one.namespace, one.name): one for one in objects if one.kind == "Secret"}

    def settings(
        self, pod: Mapping[str, Any], owner: Object, containers: Sequence[Mapping[str, Any]]
    ) -> Iterator[Setting]:
        """All settings of a pod."""
        for container in containers:
            known: dict[str, str] = {}
            for setting in self._environment(container, owner):
                value = None if setting.value is None else _expanded(setting.value, known)
                if value is not None and not setting.secret:
                    known[setting.key] = value
                yield setting._replace(value=value)
            for key in ("command", "args"):
                words = container.get(key)
                placed = [
                    (_expanded(text(word) or "", known), place_of(words, index, owner.place))
                    for index, word in enumerate(entries(words))
                ]
                yield from arguments(placed, key)
        yield from self._mounted(pod, owner)

    def _environment(self, container: Mapping[str, Any], owner: Object) -> Iterator[Setting]:
        own = {text(mapping(one).get("name")) for one in entries(container.get("env"))}
        for source in entries(container.get("envFrom")):
            prefix = text(mapping(source).get("prefix")) or ""
            for kind in ("configMapRef", "secretRef"):
                name = text(mapping(mapping(source).get(kind)).get("name"))
                if name is not None:
                    for setting in self._all(kind == "secretRef", owner.namespace, name):
                        if prefix + setting.key not in own:
                            yield setting._replace(key=prefix + setting.key)
        for one in entries(container.get("env")):
            yield from self._variable(mapping(one), owner)

    def _variable(self, one: Mapping[str, Any], owner: Object) -> Iterator[Setting]:
        name = text(one.get("name"))
        if name is None:
            return
        place = place_of(one, "name", owner.place)
        refer = mapping(one.get("valueFrom"))
        for kind in ("configMapKeyRef", "secretKeyRef"):
            if kind in refer:
                where = text(mapping(refer[kind]).get("name")) or ""
                key = text(mapping(refer[kind]).get("key")) or ""
                secret = kind == "secretKeyRef"
                origin = f"key {key} of {'secret' if secret else 'configmap'}/{where}"
                known = {s.key: s.value for s in self._all(secret, owner.namespace, where)}
                yield Setting(name, known.get(key), place, origin, secret)
                return
        if not refer:
            yield Setting(name, text(one.get("value")) or "", place)

    def _all(self, secret: bool, namespace: str | None, name: str) -> Iterator[Setting]:
        """The entries of a ConfigMap or Secret."""
        one = (self._secrets if secret else self._maps).get((namespace, name))
        if one is None:
            return
        origin = f"of {one.title}"
        shared = self._uses[secret, name] > 1
        for section in ("data", "stringData"):
            for key, value in mapping(one.content.get(section)).items():
                written = text(value) or ""
                if secret and section == "data":
                    written = _decoded(written)
                yield Setting(key, written, place_of(one.content.get(section), key, one.place), origin, secret, shared)

    def _mounted(self, pod: Mapping[str, Any], owner: Object) -> Iterator[Setting]:
        for volume in entries(pod.get("volumes")):
            name = text(mapping(mapping(volume).get("configMap")).get("name"))
            for setting in self._all(False, owner.namespace, name) if name is not None else ():
                if len(setting.value or "") <= _LARGEST:
                    title = f"{setting.key} {setting.origin}"
                    yield configuration(title, setting.value or "", setting.place)._replace(shared=setting.shared)


def _whole(pod: Mapping[str, Any]) -> set[tuple[bool, str | None]]:
    """ConfigMaps and Secrets (True first for Secrets) of which a pod takes everything."""
    found = set()
    for container in [*entries(pod.get("initContainers")), *entries(pod.get("containers"))]:
        for source in entries(mapping(container).get("envFrom")):
            for kind in ("configMapRef", "secretRef"):
                found.add((kind == "secretRef", text(mapping(mapping(source).get(kind)).get("name"))))
    for volume in entries(pod.get("volumes")):
        found.add((False, text(mapping(mapping(volume).get("configMap")).get("name"))))
    return found


def _decoded(written: str) -> str:
    try:
        return base64.b64decode("".join(written.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """$(NAME) stands for what was set before; of a Secret's value nothing is passed on."""
    return re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)", lambda match: known.get(match[1], match[0]), value)
