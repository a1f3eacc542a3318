"""A fake API server: objects in a dictionary, with what leases need of the real one.

Names that are taken, versions that have moved on, preconditions of a deletion, the rights of roles, and its words for
each. tests/contract/test_cluster_lock.py holds it to a real server.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.support.ports import free_port

_PATH: Final = re.compile(r"/(?:api|apis/([^/]+))/v1/(?:namespaces/([^/]+)/)?([a-z]+)(?:/([^/]+))?")
_PRECONDITIONS: Final = (
    ("uid", "UID", "deleted and then recreated"),
    ("resourceVersion", "ResourceVersion", "modified"),
)
_VERBS: Final = {"POST": "create", "PUT": "update", "DELETE": "delete"}


class Said(Exception):
    """What the server answers instead of an object."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message


class FakeServer:
    """Starts on one port again and again, with what it had."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.authority: Path | None = None
        self._users = {token: user for user, token in tokens.items()}
        self._objects: dict[tuple[str | None, str, str], dict[str, Any]] = {}
        self._versions = count(1)
        self._lock = threading.Lock()
        self._server: _Quick | None = None

    def start(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                token = (self.headers.get("Authorization") or "").partition(" ")[2]
                status, answer = fake.answer(self.command, self.path, body, token)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = _Quick(("127.0.0.1", int(self.url.rpartition(":")[2])), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def change_token(self, user: str, token: str) -> None:
        """The old one is worth nothing any more."""
        self._users = {known: who for known, who in self._users.items() if who != user} | {token: user}

    def kill(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.hang_up()

    def close(self) -> None:
        self.kill()

    def answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            try:
                return self._answer(method, path, body, token)
            except Said as said:
                return said.status, {
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": said.message,
                    "code": said.status,
                }  # fmt: skip

    def _answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, dict[str, Any]]:
        user = self._users.get(token)
        if user is None:
            raise Said(401, "Unauthorized")
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "groups": []}
        place = _PATH.fullmatch(path)
        assert place is not None, path
        group, space, kind, name = place.groups()
        verb = _VERBS.get(method) or ("get" if name else "list")
        what = f"{kind}.{group}" if group else kind
        self._allow(user, verb, group, space, kind, name)
        if verb == "list":
            items = [item for key, item in self._objects.items() if key[:2] == (space, kind)]
            return 200, {"kind": "List", "items": items}
        if verb == "create":
            return 201, self._create(space, kind, what, body)
        there = (space, kind, name) in self._objects
        if not there and not (verb == "update" and kind == "leases"):  # which may be made so, says its strategy
            raise Said(404, f'{what} "{name}" not found')
        if verb == "get":
            return 200, self._objects[space, kind, name]
        act = self._update if verb == "update" else self._delete
        return 200 if there else 201, act(space, kind, name, what, body or {})

    def _allow(self, user: str, verb: str, group: str | None, space: str | None, kind: str, name: str | None) -> None:
        """Raises Said for a user whom no role of the namespace allows it."""
        if user == "admin":
            return
        for (where, what, _), binding in self._objects.items():
            if (where, what) == (space, "rolebindings") and any(one["name"] == user for one in binding["subjects"]):
                for rule in self._objects[space, "roles", binding["roleRef"]["name"]]["rules"]:
                    if group in rule["apiGroups"] and kind in rule["resources"] and verb in rule["verbs"]:
                        return
        named = f'{kind}.{group} "{name}"' if name and verb != "create" else f"{kind}.{group}"
        raise Said(
            403,
            f'{named} is forbidden: User "{user}" cannot {verb} resource "{kind}" in API group "{group}" '
            f'in the namespace "{space}"',
        )

    def _create(self, space: str | None, kind: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if space is not None and (None, "namespaces", space) not in self._objects:
            raise Said(404, f'namespaces "{space}" not found')
        if (space, kind, name) in self._objects:
            raise Said(409, f'{what} "{name}" already exists')
        self._check(kind, name, body)
        return self._put(space, kind, name, body, str(uuid.uuid4()))

    def _put(self, space: str | None, kind: str, name: str, body: dict[str, Any], uid: str) -> dict[str, Any]:
        about = {"uid": uid, "resourceVersion": str(next(self._versions)), "namespace": space}
        made = self._objects[space, kind, name] = {**body, "metadata": {**body["metadata"], **about}}
        return made

    def _update(self, space: str | None, kind: str, name: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        known = self._objects.get((space, kind, name), {"metadata": {"uid": "", "resourceVersion": ""}})["metadata"]
        asked = body["metadata"]
        if asked.get("uid", known["uid"]) != known["uid"]:
            why = (
                f"StorageError: invalid object, Code: 4, Key: /registry/{kind}/{space}/{name}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: UID in precondition: {asked['uid']}, "
                f"UID in object meta: {known['uid']}"
            )
            raise Said(409, _cannot(what, name, why))
        if known["uid"] and not asked.get("resourceVersion"):
            said = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
            raise Said(422, f'{what} "{name}" is invalid: {said}')
        if asked.get("resourceVersion", "") != known["resourceVersion"]:
            moved = "the object has been modified; please apply your changes to the latest version and try again"
            raise Said(409, _cannot(what, name, moved))
        self._check(kind, name, body)
        return self._put(space, kind, name, body, known["uid"] or str(uuid.uuid4()))

    def _delete(self, space: str | None, kind: str, name: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        known = self._objects[space, kind, name]["metadata"]
        for key, word, guess in _PRECONDITIONS:
            wanted = body.get("preconditions", {}).get(key, known[key])
            if wanted != known[key]:
                why = (
                    f"the {word} in the precondition ({wanted}) does not match the {word} in record ({known[key]}). "
                    f"The object might have been {guess}"
                )
                raise Said(409, _cannot(f"Lease.{what.partition('.')[2]}", name, why))
        del self._objects[space, kind, name]
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _check(self, kind: str, name: str, body: dict[str, Any]) -> None:
        lasts = body.get("spec", {}).get("leaseDurationSeconds")
        if kind == "leases" and lasts is not None and lasts <= 0:
            raise Said(
                422,
                f'Lease.coordination.k8s.io "{name}" is invalid: spec.leaseDurationSeconds: Invalid value: {lasts}: '
                "must be greater than 0",
            )


class _Quick(ThreadingHTTPServer):
    """Can hang up on everybody, as a process does that is killed."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self._peers: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._peers.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._peers.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that has gone is no news."""

    def hang_up(self) -> None:
        import socket

        for peer in list(self._peers):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _cannot(what: str, name: str, why: str) -> str:
    return f'Operation cannot be fulfilled on {what} "{name}": {why}'
