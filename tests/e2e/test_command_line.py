"""The real commands as processes of their own: how they start, refuse, reload, drain and end."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

import pytest

from tests.support.ports import free_port
from tests.support.running import echoing, eventually, nobody, said_back

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 90.0
_BROWNOUT: Final = (sys.executable, "-c", "from brownout_proxy.cli import main; main()")
_PROXY: Final = (sys.executable, "-m", "brownout_proxy")


class Ended(NamedTuple):
    status: int
    out: str
    err: str


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(_ROOT / "proxy"), os.environ.get("PYTHONPATH"))))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BROWNOUT_", "LOG_LEVEL"))}
    return {**kept, "PYTHONPATH": path, **more}


def _end(*command: str, stdin: str = "", **environment: str) -> Ended:
    done = subprocess.run(
        command, capture_output=True, text=True, input=stdin, env=_environment(environment), timeout=_SECONDS,
        check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


class Server:
    """A running `brownout-proxy`; what it wrote so far is in `log`."""

    def __init__(self, process: subprocess.Popen[str], file: IO[str]) -> None:
        self.process = process
        self._file = file

    @property
    def log(self) -> str:
        return Path(self._file.name).read_text()

    def until(self, condition: Callable[[], object], what: str) -> None:
        try:
            eventually(condition, what, _SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log is:\n{self.log}") from None

    def until_log(self, pattern: str) -> re.Match[str]:
        self.until(lambda: re.search(pattern, self.log), repr(pattern))
        found = re.search(pattern, self.log)
        assert found is not None
        return found

    @property
    def url(self) -> str:
        return self.until_log(r"control API (http://\S+)")[1]

    def listen(self, name: str) -> str:
        proxies = json.loads(self.command("list", "--json").out)
        listen: str = proxies[name]["listen"]
        return listen

    def command(self, *words: str, stdin: str = "") -> Ended:
        return _end(*_BROWNOUT, *words, stdin=stdin, BROWNOUT_URL=self.url)

    def lines(self) -> list[str]:
        return self.command("list").out.splitlines()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def status(self) -> int:
        return self.process.wait(_SECONDS)


@contextlib.contextmanager
def started(*words: str, **environment: str) -> Iterator[Server]:
    if "--grpc-port" not in words:  # the default is the port before the API's, which may be somebody's
        words = (*words, "--grpc-port", "0")
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(
            (*_PROXY, *words), env=_environment(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=log, text=True,
        )  # fmt: skip
        try:
            yield Server(process, log)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with echoing() as address:
        yield address


@pytest.fixture(scope="module")
def server(upstream: str) -> Iterator[Server]:
    with started("--port", "0", "--seed", "7", f"echo@0={upstream}") as running:
        yield running


def test_the_first_lines_say_what_listens_where(upstream: str) -> None:
    with started("--port", "0", "--seed", "7", f"echo@0={upstream}") as server:
        found = server.until_log(
            r"\Abrownout \S+, seed 7\necho (127\.0\.0\.1:\d+) -> (\S+)\n"
            r"control API http://127\.0\.0\.1:\d+\ngRPC API 127\.0\.0\.1:\d+\n\Z"
        )
        assert found[2] == upstream
        assert said_back(found[1], b"hello") == b"hello"
        assert len(server.log.splitlines()) == 4, "connections are told of at debug only"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_the_log_is_no_reason_not_to_serve(upstream: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with open("/dev/full", "w") as log, subprocess.Popen(
        (*_PROXY, "--port", str(port), "--grpc-port", "off", f"echo@0={upstream}"), env=_environment({}),
        stdin=subprocess.DEVNULL, stderr=log,
    ) as process:  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: not _end(*_BROWNOUT, "list", BROWNOUT_URL=url).status, "an answer")
            process.send_signal(signal.SIGHUP)  # which is logged, too
            assert not _end(*_BROWNOUT, "list", BROWNOUT_URL=url).status
            process.terminate()
            assert process.wait(_SECONDS) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["LOG_LEVEL", "BROWNOUT_LOG_LEVEL"])
def test_a_quiet_log_has_no_first_lines(name: str) -> None:
    port = free_port()
    with started("--port", str(port), **{name: "error"}) as server:
        ready = _end(*_BROWNOUT, "-h", f"localhost:{port}", "wait")
        assert ready.status == 0, ready.err
        assert server.log == ""


def test_a_user_of_toxiproxy_cli_finds_everything_in_its_place(server: Server, upstream: str) -> None:
    command = server.command
    assert command("create", "-l", "localhost:0", "-u", upstream, "db") == (0, "Created new proxy db\n", "")
    again = command("create", "-l", "localhost:0", "-u", upstream, "db")
    assert again == (1, "", "Failed to create proxy: create: HTTP 409: proxy already exists\n")
    listen = server.listen("db")
    assert f"db\t{listen}\t{upstream}\tenabled\t0" in server.lines()
    added = command("toxic", "add", "-t", "limit_data", "-a", "bytes=2", "db")
    assert added.out == "Added downstream limit_data toxic 'limit_data_downstream' on proxy 'db'\n"
    assert said_back(listen, b"hello") == b"he"
    command("t", "a", "db", "-t", "latency", "-n", "slow", "-u", "--tox", "0.5", "-a", "latency=1.5s")
    assert command("inspect", "db").out == (
        "slow\ttype=latency\tstream=upstream\ttoxicity=0.50\tattributes=[\tjitter=0\tlatency=1500\t]\n"
        "limit_data_downstream\ttype=limit_data\tstream=downstream\ttoxicity=1.00\tattributes=[\tbytes=2\t]\n"
    )
    assert command("toxic", "update", "-n", "slow", "-a", "jitter=3", "db").status == 0
    slow = json.loads(command("inspect", "db", "--json").out)["toxics"][0]
    assert (slow["toxicity"], slow["attributes"]) == (0.5, {"latency": 1500, "jitter": 3})
    assert command("toxic", "remove", "-n", "slow", "db").out == "Removed toxic 'slow' on proxy 'db'\n"
    assert command("toggle", "db").out == "Proxy db is now disabled\n"
    with pytest.raises(ConnectionRefusedError):
        said_back(listen, b"hello")
    assert command("reset").status == 0
    assert said_back(listen, b"hello") == b"hello"
    assert command("delete", "db").out == "Deleted proxy db\n"
    assert command("inspect", "db") == (1, "", "Failed to retrieve proxy db: HTTP 404: proxy not found\n")


def test_a_name_with_a_slash_is_reached(server: Server, upstream: str) -> None:
    assert server.command("create", "-l", "0", "-u", upstream, "a/b ü").status == 0
    assert server.command("toxic", "add", "-t", "noop", "-n", "x/y", "a/b ü").status == 0
    assert server.command("toxic", "remove", "-n", "x/y", "a/b ü").status == 0
    assert server.command("delete", "a/b ü").status == 0


def test_populate_takes_a_file_with_faults(server: Server, upstream: str) -> None:
    text = f"proxies: {{filled: {{listen: 0, upstream: '{upstream}', faults: [{{limit_data: 1}}]}}}}"
    done = server.command("populate", "-", stdin=text)
    assert done.status == 0, done.err
    assert said_back(server.listen("filled"), b"hello") == b"h"
    assert server.command("delete", "filled").status == 0


def test_output_into_a_closed_pipe_is_no_traceback(server: Server) -> None:
    url = server.url
    with subprocess.Popen(
        (*_BROWNOUT, "list", "--json"), env=_environment({"BROWNOUT_URL": url}), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(_SECONDS) == 1


def test_output_that_nobody_can_take_is_no_traceback(server: Server) -> None:
    command = shlex.join((*_BROWNOUT, "list"))
    done = _end("sh", "-c", f"{command} >&-", BROWNOUT_URL=server.url)
    assert (done.out, done.err) == ("", "")


def test_letters_that_the_terminal_lacks_are_escaped(server: Server, upstream: str) -> None:
    assert server.command("create", "-l", "0", "-u", upstream, "snow☃").status == 0
    done = _end(*_BROWNOUT, "list", BROWNOUT_URL=server.url, PYTHONIOENCODING="latin-1")
    assert (done.status, done.err) == (0, "")
    assert "snow\\u2603" in done.out
    assert server.command("delete", "snow☃").status == 0


def test_without_a_server_commands_say_what_to_do() -> None:
    with nobody() as address:
        url = f"http://{address}"
        ended = _end(*_BROWNOUT, "list", TOXIPROXY_URL=url)
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert f"Failed to retrieve proxies: no answer from {url} (connection refused); start it with" in ended.err


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--host", "0.0.0.0"), 2, "--host: 0.0.0.0 is reachable from other machines: give --token-file FILE or "),
        (("--config", "none.yaml"), 1, "none.yaml: no such file or directory"),
        (("--config", "bad.yaml"), 2, "bad.yaml:2: proxies.p.faults[0].latency: '3 parsecs' has an unknown unit"),
        (("--config", "typo.json"), 2, "typo.json:1: is not JSON: "),
        (("--token-file", "none"), 1, "--token-file: none: no such file or directory"),
        (("1=2", "1=3"), 2, "'1=3': listens on 127.0.0.1:1, as proxy 'port-2' does; choose another port"),
        (("15432",), 2, "'15432': is not LISTEN=UPSTREAM; write it like 15432=127.0.0.1:5432"),
        (("0=1", "nowhere.invalid:0=1"), 1, "'nowhere.invalid:0=1': listen tcp: lookup nowhere.invalid: no such host"),
        (("--port", "http"), 2, "'http' is not a whole number from 0 to 65535; write it like 8474"),
        (("--drian", "1s"), 2, "--drain"),
        (("--config", "/dev/zero"), 2, "/dev/zero: is larger than"),
        (("--tls-cert", "bad.yaml"), 2, "--tls-cert: and --tls-key belong together"),
        (("--tls-cert", "none", "--tls-key", "none"), 1, "--tls-cert: none: no such file or directory"),
        (("--tls-cert", "bad.yaml", "--tls-key", "bad.yaml"), 2, "--tls-cert: bad.yaml is not in PEM"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_starts(
    words: Sequence[str], status: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = "proxies:\n  p: {listen: 0, upstream: 1, faults: [{latency: 3 parsecs}]}\n"
    Path("bad.yaml").write_text(bad)
    Path("typo.json").write_text("[{]")
    port = () if "--port" in words else ("--port", "0")
    ended = _end(*_PROXY, *port, *words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)
    assert told in ended.err


def test_a_taken_port_of_a_proxy_names_the_place_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        file.write_text(f"proxies:\n  free: {{listen: 0, upstream: 1}}\n  p: {{listen: {busy}, upstream: 1}}\n")
        ended = _end(*_PROXY, "--port", "0", "--config", str(file))
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        f"brownout-proxy: {file}:3: proxies.p: listen tcp 127.0.0.1:{busy}: bind: address already in use; "
        "stop what listens there, or choose another port\n"
    )


def test_a_taken_port_of_the_api_ends_the_process(upstream: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = _end(*_PROXY, "--port", str(taken.getsockname()[1]), f"0={upstream}")
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "control API: listen tcp 127.0.0.1:" in ended.err
    assert "address already in use; stop what listens there" in ended.err


@pytest.mark.parametrize("how", ["flag", "file", "variable"])
def test_with_a_token_only_who_has_it_may_control(how: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("hunter2\n")
    words, environment = {
        "flag": (("--token", "hunter2"), {}),
        "file": (("--token-file", str(file)), {}),
        "variable": ((), {"BROWNOUT_TOKEN": "hunter2"}),
    }[how]
    with started("--port", "0", "--host", "0.0.0.0", *words, **environment) as server:
        server.until_log(r"control API http://127\.0\.0\.1:\d+ on every address")
        refused = server.command("list")
        assert (refused.status, refused.out) == (1, "")
        assert "HTTP 401" in refused.err
        assert server.command("list", "--token", "hunter2").status == 0
        assert _end(*_BROWNOUT, "list", BROWNOUT_URL=server.url, BROWNOUT_TOKEN="hunter2").status == 0
        assert "hunter2" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_live_connection_may_finish_after_the_signal(number: signal.Signals, upstream: str) -> None:
    with started("--port", "0", "--drain", "60s", f"echo@0={upstream}") as server:
        host, _, port = server.listen("echo").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=_SECONDS) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            server.send(number)
            server.until_log("stopping; connections have 60s to finish")
            server.until(lambda: not _is_open(host, int(port)), "the end of listening")
            client.sendall(b"b")
            assert client.recv(1) == b"b"
            assert server.process.poll() is None
        assert server.status() == 0
        assert "Traceback" not in server.log


def test_the_drain_has_an_end(upstream: str) -> None:
    with started("--port", "0", "--drain", "100ms", f"echo@0={upstream}") as server:
        host, _, port = server.listen("echo").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=_SECONDS) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            server.send(signal.SIGTERM)
            assert client.recv(1) == b""
        assert server.status() == 0


def test_a_second_signal_ends_it_at_once(upstream: str) -> None:
    with started("--port", "0", "--drain", "1h", f"echo@0={upstream}") as server:
        host, _, port = server.listen("echo").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=_SECONDS) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            server.send(signal.SIGTERM)
            server.until_log("stopping")
            server.send(signal.SIGTERM)
            assert server.status() == 0


def _is_open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def test_a_hangup_makes_the_proxies_equal_to_the_file(tmp_path: Path, upstream: str) -> None:
    file = tmp_path / "brownout.yaml"
    file.write_text(f"proxies:\n  kept: {{listen: 0, upstream: '{upstream}'}}\n  gone: {{listen: 0, upstream: 1}}\n")
    with started("--port", "0", "--config", str(file)) as server:
        server.command("create", "-l", "0", "-u", upstream, "by-hand")
        listen = server.listen("kept")
        host, _, port = listen.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=_SECONDS) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            file.write_text(
                f"proxies:\n  kept: {{listen: 0, upstream: '{upstream}', faults: [{{latency: 1ms}}]}}\n"
                f"  new: {{listen: 0, upstream: '{upstream}'}}\n"
            )
            server.send(signal.SIGHUP)
            server.until_log("reloaded: 2 proxies, 0 failed")
            client.sendall(b"b")
            assert client.recv(1) == b"b", "a change of faults drops nobody"
        assert [line.split("\t")[0] for line in server.lines()] == ["by-hand", "kept", "new"]
        assert f"kept\t{listen}\t{upstream}\tenabled\t1" in server.lines()
        before = server.lines()
        file.write_text("proxies:\n  kept: {listen: 0, upstrem: 1}\n")
        server.send(signal.SIGHUP)
        server.until_log(r"not reloaded, nothing changed: \S+:2: proxies.kept.upstrem: unknown key; did you mean upst")
        assert server.lines() == before
        server.send(signal.SIGTERM)
        assert server.status() == 0


@pytest.mark.parametrize("api", ["gRPC API", "control API"])
def test_the_port_of_an_api_is_refused_to_a_proxy_with_the_flag_that_moves_it(
    server: Server, upstream: str, api: str
) -> None:
    port = server.until_log(rf"{api} (?:http://)?127\.0\.0\.1:(\d+)")[1]
    made = server.command("create", "-l", f"127.0.0.1:{port}", "-u", upstream, "p")
    assert made.status == 1
    assert f"bind: address already in use: the {api} of this process has it; --" in made.err


def test_an_upstream_that_is_not_reached_has_one_line_in_the_log_and_one_when_it_is(upstream: str) -> None:
    with nobody() as address, started("--port", "0", f"p@0={address}") as server:
        for _ in range(3):
            assert said_back(server.listen("p"), b"x") == b""
        server.until_log("proxy p: its upstream cannot be reached: .*: connection refused")
        shown = json.loads(server.command("inspect", "p", "--json").out)["status"]
        assert (shown["dial_failures"], shown["last_error"]) == (3, f"{address}: connection refused")
        host, _, port = address.rpartition(":")
    with started("--port", "0", f"p@0={address}") as server:
        assert said_back(server.listen("p"), b"x") == b""
        with socket.create_server((host, int(port))) as listener:
            with socket.create_connection(_place(server.listen("p"))):
                listener.accept()[0].close()
            server.until_log(f"proxy p: its upstream {address} is reached again")
        assert server.log.count("cannot be reached") == 1


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def test_an_image_s_environment_is_a_whole_configuration(upstream: str) -> None:
    """One variable for the proxies, the health check without an argument, and commands that find the port."""
    port = str(free_port())
    with started(BROWNOUT_PORT=port, BROWNOUT_PROXIES=f"p@0={upstream}", LOG_LEVEL="info") as server:
        assert said_back(server.listen("p"), b"x") == b"x"
        assert _end(*_BROWNOUT, "health", BROWNOUT_PORT=port) == (0, "ok\n", "")
    ended = _end(*_BROWNOUT, "health", BROWNOUT_PORT=port)
    assert (ended.status, ended.out) == (1, "")


def test_a_name_with_a_dot_is_let_in_where_it_is_allowed(upstream: str) -> None:
    with started("--port", "0", "-allow-host=proxy.example.com") as server:
        asking = http.client.HTTPConnection(*_place(server.url.removeprefix("http://")), timeout=_SECONDS)
        with contextlib.closing(asking):
            for name, status in (("proxy.example.com", 200), ("other.example.com", 403)):
                asking.request("GET", "/proxies", headers={"Host": f"{name}:8474"})
                answer = asking.getresponse()
                assert (answer.status, b"--allow-host other" in answer.read()) == (status, status == 403)
