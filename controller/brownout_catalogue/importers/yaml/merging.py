"""What was imported, added to a file that a person has written and goes on writing.

Only what is missing is added. Where both differ, the file wins and the difference is reported; what has gone is
reported, not deleted. A call that a person has confirmed (by taking its guess away) stays confirmed, and one that is
listed under `ignore` does not come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from brownout_catalogue.architecture import Architecture, read_architecture
from brownout_catalogue.importers.yaml.editing import Addition, add
from brownout_core import document
from brownout_core.errors import InvalidSpec

_SECTIONS: Final = ("services", "external")
_INSIDE: Final = ("where", "certificate")
"""Mappings of a service that are compared entry by entry."""
_DECIDED: Final = ("guess", "required")
"""What only a person decides of a call or component that is there already."""


class Merge(NamedTuple):
    text: str
    added: tuple[str, ...]
    """Like `cart` or `cart -> redis` or `cart.replicas`."""
    contradictions: tuple[str, ...]
    gone: tuple[str, ...]


def merge(text: str, file: str, imported: Mapping[str, Any]) -> Merge:
    """Raises InvalidSpec for a file that is no architecture, or that cannot be added to."""
    root = document.parse(text, file, columns=True)
    known = read_architecture(root, file)
    assert root is not None
    plain = _by_name(root.plain())
    wanted = _without_ignored(_renamed(imported, plain), known)
    plan = _Plan(plain, wanted)
    if not plan.additions:
        return Merge(text, (), tuple(plan.contradictions), tuple(_gone(known, wanted)))
    merged = add(text, plan.additions, file)
    _check(merged, file, _expected(plain, plan.additions))
    return Merge(merged, tuple(plan.added), tuple(plan.contradictions), tuple(_gone(known, wanted)))


def _by_name(content: Mapping[str, Any]) -> dict[str, Any]:
    """With mappings for lists of names and for nothing."""
    found = dict(content)
    for section in _SECTIONS:
        if section in found:
            services = _named(found[section])
            for name, service in services.items():
                service = dict(service or {})
                if "calls" in service:
                    service["calls"] = {sink: call or {} for sink, call in _named(service["calls"]).items()}
                for key in _INSIDE:
                    if key in service:
                        service[key] = service[key] or {}
                services[name] = service
            found[section] = services
    return found


def _named(content: Any) -> dict[str, Any]:
    return dict(content or {}) if isinstance(content, Mapping) or not content else {name: {} for name in content}


def _renamed(imported: Mapping[str, Any], plain: Mapping[str, Any]) -> Mapping[str, Any]:
    """Under the names that the file has for the same workloads."""
    places = {}
    for section in _SECTIONS:
        for name, service in plain.get(section, {}).items():
            where = service.get("where", {})
            if "workload" in where:
                places[where["workload"], where.get("namespace")] = name
    names = {}
    for name, service in imported["services"].items():
        where = service.get("where", {})
        here = places.get((where.get("workload"), where.get("namespace")))
        if here is not None and name not in plain.get("services", {}) and here not in imported["services"]:
            names[name] = here

    def renamed(service: Mapping[str, Any]) -> dict[str, Any]:
        calls = {names.get(sink, sink): call for sink, call in service.get("calls", {}).items()}
        return {**service, "calls": calls} if calls else dict(service)

    return {
        section: {names.get(name, name): renamed(service) for name, service in imported.get(section, {}).items()}
        for section in _SECTIONS
    }


def _without_ignored(wanted: Mapping[str, Any], known: Architecture) -> dict[str, Any]:
    ignored = {" ".join(entry.split()) for entry in known.ignore}
    found: dict[str, Any] = {}
    called: set[str] = set()
    for section in _SECTIONS:
        found[section] = {}
        for name, service in wanted.get(section, {}).items():
            if name in ignored:
                continue
            calls = {
                sink: call
                for sink, call in service.get("calls", {}).items()
                if sink not in ignored and f"{name} -> {sink}" not in ignored
            }
            called |= calls.keys()
            rest = {key: value for key, value in service.items() if key != "calls"}
            found[section][name] = {**rest, **({"calls": calls} if calls else {})}
    found["external"] = {name: one for name, one in found["external"].items() if name in called or one.get("calls")}
    return found


class _Plan:
    """What to add, and what does not agree."""

    def __init__(self, plain: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        self.additions: list[Addition] = []
        self.added: list[str] = []
        self.contradictions: list[str] = []
        for section in _SECTIONS:
            missing = {}
            for name, service in wanted[section].items():
                here = next((one for one in _SECTIONS if name in plain.get(one, {})), None)
                if here is None:
                    missing[name] = service
                    self.added += [name, *(f"{name} -> {sink}" for sink in service.get("calls", {}))]
                else:
                    self._service((here, name), plain[here][name], service)
            self._group((), section, plain.get(section), missing)

    def _group(self, path: tuple[str, ...], key: str, there: Any, missing: Mapping[str, Any]) -> None:
        """All at once where the mapping itself is missing."""
        if missing and there is None:
            self.additions.append(Addition(path, key, dict(missing)))
        else:
            self.additions += [Addition((*path, key), name, value) for name, value in missing.items()]

    def _service(self, path: tuple[str, str], there: Mapping[str, Any], service: Mapping[str, Any]) -> None:
        name = path[1]
        for key, value in service.items():
            if key in _DECIDED:
                continue
            if key == "calls":
                self._calls(path, there.get("calls"), value)
            elif key in _INSIDE:
                self._compare((*path, key), there.get(key), value, f"{name}.{key}")
            elif there.get(key) is None:
                self._add(path, key, value, f"{name}.{key}")
            else:
                self._differ(f"{name}.{key}", key, there[key], value)

    def _calls(self, path: tuple[str, str], there: Mapping[str, Any] | None, calls: Mapping[str, Any]) -> None:
        missing = {sink: call for sink, call in calls.items() if sink not in (there or {})}
        self.added += [f"{path[1]} -> {sink}" for sink in missing]
        self._group(path, "calls", there, missing)
        for sink, call in calls.items():
            if sink not in missing and there is not None:
                facts = {key: value for key, value in call.items() if key not in _DECIDED}
                self._compare((*path, "calls", sink), there[sink], facts, f"{path[1]} -> {sink}")

    def _compare(
        self, path: tuple[str, ...], there: Mapping[str, Any] | None, facts: Mapping[str, Any], title: str
    ) -> None:
        missing = {key: value for key, value in facts.items() if (there or {}).get(key) is None}
        self.added += [f"{title}.{key}" for key in missing]
        self._group(path[:-1], path[-1], there, missing)
        for key, value in facts.items():
            if key not in missing and there is not None:
                self._differ(f"{title}.{key}", key, there[key], value)

    def _add(self, path: tuple[str, ...], key: str, value: Any, title: str) -> None:
        self.additions.append(Addition(path, key, value))
        self.added.append(title)

    def _differ(self, title: str, key: str, here: Any, there: Any) -> None:
        if key == "image":  # the version changes with every release
            here, there = _unversioned(str(here)), _unversioned(str(there))
        if isinstance(here, (list, tuple)) and isinstance(there, (list, tuple)):
            here, there = sorted(here), sorted(there)
        if here != there:
            self.contradictions.append(f"{title}: {_shown(here)} here, {_shown(there)} there")


def _unversioned(image: str) -> str:
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _gone(known: Architecture, wanted: Mapping[str, Any]) -> Iterator[str]:
    """What an import has brought once, and finds no more."""
    there = {**wanted["services"], **wanted["external"]}
    for name, service in known.components.items():
        if name not in there and (service.guess or service.where.workload or service.where.image):
            yield name
        for sink, call in service.calls.items():
            if call.guess and name in there and sink not in there[name].get("calls", {}):
                yield f"{name} -> {sink}"


def _expected(plain: Mapping[str, Any], additions: list[Addition]) -> Any:
    """The content of the file after the additions."""
    for addition in additions:
        here: Any = plain
        for step in addition.path:
            here = here[step]
        here[addition.key] = addition.value
    return _by_name(plain)


def _check(text: str, file: str, expected: Any) -> None:
    """A file of somebody is not to be spoiled: what was written is read again before it is kept."""
    try:
        root = document.parse(text, file)
        found = None if root is None else _by_name(root.plain())
    except InvalidSpec:
        found = None
    if found != expected:
        raise InvalidSpec(
            file, "is written in a way that cannot be added to; import without --into and copy from there"
        )
