"""The twin of server/config.py."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.faults import KINDS, make
from brownout_core.faults.fault_yaml import accepted
from brownout_core.faults.spec import FaultSpec, Selection
from brownout_proxy.server.config import Config, load, parse
from brownout_proxy.server.proxy import ProxySpec

_POSTGRES = """\
proxies:
  postgres:
    listen: 15432
    upstream: localhost:5432
"""


def _faults(text: str) -> tuple[FaultSpec, ...]:
    return parse(f"{_POSTGRES}    faults:\n{text}", "brownout.yaml").proxies[0].faults


def test_a_whole_file() -> None:
    text = """\
seed: 42
proxies:
  postgres:
    listen: 127.0.0.1:15432
    upstream: db.internal:5432
    faults:
      - latency: 300ms
      - latency: {latency: 1.5s, jitter: 10ms}
        name: slow
        direction: upstream
        toxicity: 25%
        clients: [10.0.0.0/8, "::1"]
        first: 3
        every: 10
  redis: {listen: "unix:/run/r.sock", upstream: "[::1]:6379", enabled: no}
"""
    networks = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1"))
    faults = (
        FaultSpec("latency_downstream", make("latency", {"latency": 300})),
        FaultSpec(
            "slow",
            make("latency", {"latency": 1500, "jitter": 10}),
            "upstream",
            Selection(toxicity=0.25, clients=networks, first=3, every=10),
        ),
    )
    assert parse(text, "f.yaml") == Config(
        (
            ProxySpec("postgres", "127.0.0.1:15432", "db.internal:5432", True, faults),
            ProxySpec("redis", "unix:/run/r.sock", "[::1]:6379", False),
        ),
        42,
        {"postgres": "f.yaml:3: proxies.postgres", "redis": "f.yaml:15: proxies.redis"},
        names_proxies=True,
    )


@pytest.mark.parametrize("text", ["", "proxies:\n", "{}", "[]", "null"])
def test_a_file_may_have_no_proxies(text: str) -> None:
    assert parse(text, "f").proxies == ()


def test_a_bare_port_is_on_loopback() -> None:
    spec = parse("proxies: {p: {listen: 15432, upstream: 5432}}", "f").proxies[0]
    assert (spec.listen, spec.upstream) == ("127.0.0.1:15432", "127.0.0.1:5432")


@pytest.mark.parametrize("kind", KINDS)
def test_a_scalar_is_the_first_attribute_of_every_fault(kind: str) -> None:
    names = list(KINDS[kind].fields())
    if not names:
        for text in (kind, f"{kind}:", f"{kind}: true", f"{kind}: {{}}"):
            assert _faults(f"      - {text}\n") == (FaultSpec(f"{kind}_downstream", make(kind, {})),)
        return
    assert _faults(f"      - {kind}: 1\n") == _faults(f"      - {kind}: {{{names[0]}: 1}}\n")
    assert _faults(f"      - {kind}\n")[0].fault == make(kind, {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_can_be_written(kind: str) -> None:
    for name, info in KINDS[kind].fields().items():
        default = info.default
        spec = _faults(f"      - {kind}: {{{name}: {default}}}\n")[0]
        assert spec.fault == make(kind, {name: default})
        assert name in accepted(KINDS[kind])


def test_the_other_name_of_an_attribute_is_understood() -> None:
    assert _faults("      - latency: {delay: 3s}\n")[0].fault == make("latency", {"latency": 3000})


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("latency: 3 parsecs", "faults[0].latency: '3 parsecs' has an unknown unit 'parsecs'; write it like 300ms"),
        ("latency: soon", "faults[0].latency: 'soon' is not a quantity; write it like 300ms or 1.5s"),
        ("latency: {jitter: soon}", "faults[0].latency.jitter: 'soon' is not a quantity"),
        ("latency: -1", "faults[0].latency: must be greater than or equal to 0"),
        ("latency: true", "faults[0].latency: 'true' is not a quantity"),
        ("latency: [1]", "faults[0].latency: must be text, not a list"),
        ("latency: {latenc: 1}", "faults[0].latency.latenc: unknown attribute; did you mean latency?"),
        ("latency: {distribution: flat}", "faults[0].latency.distribution: must be 'uniform', "),
        ("limit_data: 1.5", "faults[0].limit_data: must be a whole number"),
        ("limit_data: {limit: 1}", "faults[0].limit_data.limit: unknown attribute; known are: bytes"),
        ("refuse: 3", "faults[0].refuse: must be true or false, not '3'"),
        ("refuse: false", "faults[0].refuse: must be true or nothing"),
        (
            "{latency: 1, jitter: 2}",
            "faults[0].jitter: belongs to latency; write it like latency: {latency: ..., jitter: ...}",
        ),
        ("latncy: 1", "faults[0].latncy: unknown key; did you mean latency?"),
        ("latncy", "faults[0]: 'latncy': unknown fault; did you mean latency?"),
        ("name: x", "faults[0]: names no fault; known are: latency, "),
        ("{latency: 1, cut: 2}", "faults[0]: has latency and cut; make them entries of their own"),
        ("{latency: 1, direction: up}", "faults[0].direction: 'up' is not a direction; write upstream or downstream"),
        ("{latency: 1, toxicity: 130%}", "faults[0].toxicity: must be less than or equal to 1"),
        ("{latency: 1, clients: here}", "faults[0].clients: 'here' does not appear"),
        ("{latency: 1, clients: ['::1', 10.0.0.1/8]}", "faults[0].clients[1]: 10.0.0.1/8 has host bits set; write it"),
        ("{latency: 1, first: 0}", "faults[0].first: must be greater than or equal to 1"),
        ("{latency: 1, every: x}", "faults[0].every: 'x' is not a quantity"),
        ("[latency]", "faults[0]: must be a fault such as latency: 300ms, not a list"),
    ],
)
def test_a_bad_fault_is_refused_with_its_place_and_remedy(fault: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        _faults(f"      - {fault}\n")
    assert str(caught.value).startswith(f"brownout.yaml:6: proxies.postgres.{told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prox: 1", "f:1: prox: unknown key; did you mean proxies?"),
        ("just text", "f:1: must be a mapping with proxies"),
        ("seed: x", "f:1: seed: 'x' is not a whole number from -9223372036854775808 to 9223372036854775807; write"),
        ("seed: 99999999999999999999", "f:1: seed: '99999999999999999999' is not a whole number from"),
        ("proxies: [a]", "f:1: proxies: must be a mapping from name to proxy, not a list"),
        ("proxies: {'': {listen: 1, upstream: 2}}", "f:1: proxies: the name is empty"),
        ('proxies: {"a\\nb": {listen: 1, upstream: 2}}', "f:1: proxies: 'a\\nb': a name may have no control"),
        (f"proxies: {{? {'a' * 1001} : 1}}", "f:1: proxies: a name may have 1,000 characters, and this has 1,001"),
        ("proxies: {a: {<<: {listen: 1}}}", "f:1: proxies.a: <<: merges nothing here; write the keys out"),
        (
            "proxies: {a: {listen: 1, upstream: 2, faults: [{cut: 1, name: ''}]}}",
            "f:1: proxies.a.faults[0].name: the na",
        ),
        ("proxies: {a: }", "f:1: proxies.a: must be a mapping with listen and upstream, not empty"),
        ("proxies: {a: {listen: 1}}", "f:1: proxies.a: upstream is missing; write it like upstream: 127.0.0.1:5432"),
        ("proxies: {a: {upstream: 1}}", "f:1: proxies.a: listen is missing"),
        ("proxies: {a: {listen: 99999, upstream: 1}}", "f:1: proxies.a.listen: address 99999: invalid port"),
        ("proxies: {a: {listen: here, upstream: 1}}", "f:1: proxies.a.listen: address here: missing port"),
        ("proxies: {a: {listen: 1, upstream: ':2'}}", "f:1: proxies.a.upstream: ':2' cannot be dialled; write it"),
        ("proxies: {a: {listen: 1, upstream: x:0}}", "f:1: proxies.a.upstream: 'x:0' cannot be dialled"),
        ("proxies: {a: {listen: 1, upstream: 2, enabled: 1}}", "f:1: proxies.a.enabled: must be true or false"),
        ("proxies: {a: {listen: 1, upstream: 2, faults: 3}}", "f:1: proxies.a.faults: must be a list of faults"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse(text, "f")
    assert str(caught.value).startswith(told)


def test_a_proxy_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"^f:5: proxies.postgres: is there twice; remove one"):
        parse(_POSTGRES + _POSTGRES.partition("\n")[2], "f")


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1:1", "localhost:1", True),
        ("0.0.0.0:1", ":1", True),
        ("unix:/a", "unix:/a", True),
        ("[::1]:1", "127.0.0.1:1", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("unix:/a", "unix:/b", False),
    ],
)
def test_two_proxies_on_one_address_are_refused(one: str, other: str, clash: bool) -> None:
    text = f"proxies:\n  a: {{listen: '{one}', upstream: 1}}\n  b: {{listen: '{other}', upstream: 1}}\n"
    if not clash:
        assert len(parse(text, "f").proxies) == 2
        return
    with pytest.raises(InvalidSpec, match=r"^f:3: proxies.b: listens on .*, as proxy 'a' does; choose another port"):
        parse(text, "f")


def test_a_disabled_proxy_fights_for_no_address() -> None:
    text = "proxies: {a: {listen: 1, upstream: 1}, b: {listen: 1, upstream: 1, enabled: false}}"
    assert len(parse(text, "f").proxies) == 2


def test_two_faults_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"faults\[1\]: there is a fault 'latency_downstream' already; give one"):
        _faults("      - latency: 1\n      - latency: 2\n")
    assert len(_faults("      - latency: 1\n      - {latency: 2, direction: upstream}\n")) == 2


def test_toxiproxys_json_is_read_as_toxiproxy_reads_it() -> None:
    text = """[
\t{"name": "a", "listen": "localhost:0", "upstream": "anything", "enabled": null, "Logger": {}, "toxics": null},
\t{"Name": "b", "Upstream": "u:1", "listen": "", "enabled": false, "toxics": [
\t\t{"type": "latency", "stream": "upstream", "toxicity": 0.5, "attributes": {"latency": 1e3, "jitter": null}},
\t\t{"type": "noop", "attributes": []},
\t\t{"type": "bandwidth", "name": "slow", "attributes": {"rate": "1MB/s"}, "clients": ["10.0.0.0/8"]}
\t]}
]"""
    a, b = parse(text, "toxiproxy.json").proxies
    assert a == ProxySpec("a", "localhost:0", "anything")
    assert (b.name, b.listen, b.enabled) == ("b", "", False)
    assert [fault.name for fault in b.faults] == ["latency_upstream", "noop_downstream", "slow"]
    assert b.faults[0].fault == make("latency", {"latency": 1000})
    assert b.faults[0].selection == Selection(toxicity=0.5)
    assert b.faults[2].fault == make("bandwidth", {"rate": 1000})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('["a"]', "f:1: [0]: must be a proxy with name, listen and upstream, not 'a'"),
        ('[{"name": "a"}]', "f:1: [0]: upstream is missing"),
        ('[{"name": "", "upstream": "b:1"}]', "f:1: [0]: name is missing"),
        ('[{"name": "a", "upstram": "b:1"}]', "f:1: [0].upstram: unknown key; did you mean upstream?"),
        ('[{"name": "a", "upstream": "b:1", "listen": "x"}]', "f:1: [0].listen: address x: missing port"),
        ('[{"name": "a", "upstream": "b:1"},\n{"name": "a", "upstream": "b:1"}]', "f:2: [1]: there is a proxy 'a'"),
        ('[{"name": "a", "upstream": "b:1", "toxics": [{}]}]', "f:1: [0].toxics[0]: type is missing; known are: "),
        (
            '[{"name": "a", "upstream": "b:1", "toxics": [{"type": "latency", "attributes": {"x": 1}}]}]',
            "f:1: [0].toxics[0].attributes.x: unknown attribute; known are: latency, jitter",
        ),
    ],
)
def test_a_bad_toxiproxy_file_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse(text, "f")
    assert str(caught.value).startswith(told)


def test_a_file_is_read_under_its_own_name(tmp_path: Path) -> None:
    file = tmp_path / "brownout.yaml"
    file.write_text(_POSTGRES)
    assert load(file).places == {"postgres": f"{file}:2: proxies.postgres"}
    with pytest.raises(Unavailable, match="no such file"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "named"),
    [("", False), ("seed: 1", False), ("proxies:", True), ("proxies: {}", True), ("[]", True), ("seed: null", False)],
)
def test_a_file_without_proxies_differs_from_one_with_none(text: str, named: bool) -> None:
    config = parse(text, "f")
    assert (config.proxies, config.names_proxies) == ((), named)


def test_no_clients_at_all_is_no_condition() -> None:
    config = parse("proxies: {a: {listen: 1, upstream: 2, faults: [{cut: 1, clients: []}]}}", "f")
    assert config.proxies[0].faults[0].selection == Selection()


def test_the_environments_of_experiments_may_be_in_the_same_file() -> None:
    proxies = "proxies: {a: {listen: '1', upstream: 'h:2'}}\n"
    assert parse(proxies + "environments: {local: {protected: true}}\n", "f.yaml") == parse(proxies, "f.yaml")


_ANSWER = (
    '{"a": {"name": "a", "listen": "127.0.0.1:1", "upstream": "x:2", "enabled": true, "Logger": {}, "toxics": ['
    '{"attributes": {"latency": 7, "jitter": 3}, "name": "late", "type": "latency", "stream": "downstream", '
    '"toxicity": 1}]}, "proxies": {"name": "proxies", "listen": "127.0.0.1:3", "upstream": "x:4", "enabled": false, '
    '"toxics": []}}'
)


def test_the_answer_to_get_proxies_is_a_config_file() -> None:
    a, b = parse(_ANSWER, "f").proxies
    assert (a.name, a.listen, a.upstream, a.faults[0].name) == ("a", "127.0.0.1:1", "x:2", "late")
    assert (b.name, b.enabled) == ("proxies", False)


def test_the_answer_to_populate_is_a_config_file() -> None:
    listed = parse('{"proxies": [{"name": "a", "listen": "127.0.0.1:1", "upstream": "x:2", "toxics": []}]}', "f")
    assert [spec.name for spec in listed.proxies] == ["a"]


def test_a_proxy_under_another_s_name_is_a_mistake_with_its_place() -> None:
    with pytest.raises(InvalidSpec, match=r"^f:1: a: unknown key|^f:1: .*unknown"):
        parse('{"a": {"name": "b", "listen": "127.0.0.1:1", "upstream": "x:2"}}', "f")
