"""One run at a time on a target of a cluster, on whatever machine: a Lease object that its holder renews.

Clocks of machines differ, so no time that another machine wrote is compared with ours. A holder is dead when its lease
stood unchanged for as long as it lasts, by our own clock; a live one shows itself sooner, by renewing. A holder that
cannot renew gives its run up when a third of the lease is left: the fault is gone before the target is anyone else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import hashlib
import logging
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from brownout_controller import clock
from brownout_controller.backends.cluster import Cluster, ClusterError
from brownout_controller.engine.locks import Claim, Exclusive, files
from brownout_controller.model.environment import Environment, Kubernetes
from brownout_core.errors import Conflict, Unavailable
from brownout_core.safe_text import line

log = logging.getLogger(__name__)

DURATION: Final = 15
"""Seconds that a lease lives without renewal, as in client-go's leader election."""
_RENEWALS: Final = 3  # in the time of a lease
_LOOK: Final = 0.5  # seconds from one look at a lease that may be a dead run's to the next
_LONGEST: Final = 60  # seconds that somebody else's lease may last for us to wait for its end
_FORBIDDEN, _MISSING, _CONFLICT = 403, 404, 409


def exclusion(environment: Environment, root: Path | None = None) -> Exclusive:
    """How runs of that environment exclude each other; `root` is the folder of lock files."""
    return files(root) if environment.kubernetes is None else leases(environment.kubernetes)


def leases(place: Kubernetes, duration: int = DURATION) -> Exclusive:
    """Excludes all runs against that namespace from each other. `duration` is in seconds."""

    @asynccontextmanager
    async def exclusive(targets: Iterable[str], claim: Claim) -> AsyncIterator[Callable[[], None]]:
        async with AsyncExitStack() as stack:
            store = _Leases(Cluster(place), place.namespace, duration)
            stack.push_async_callback(store.close)
            # In one order, so that one of two runs gets them all.
            locks = [await stack.enter_async_context(_held(store, target, claim)) for target in sorted(set(targets))]

            for lock in locks:
                if lock.lost is not None:  # while a later one was waited for
                    raise Conflict(lock.lost)

            def check() -> None:
                for lock in locks:
                    lock.check()

            yield check

    return exclusive


@asynccontextmanager
async def _held(store: _Leases, target: str, claim: Claim) -> AsyncIterator[_Lock]:
    lock = _Lock(store, target, claim)
    try:
        await lock.acquire()
        renewing = asyncio.create_task(lock.renew())
        try:
            yield lock
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
    finally:
        await lock.release()


def name_of(target: str) -> str:
    """The name of its Lease: a DNS label that tells people and programs one target from another."""
    words = re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")[:36].rstrip("-")
    return "-".join(filter(None, ("brownout", words, hashlib.sha256(target.encode()).hexdigest()[:16])))


class _Lock:
    """The lease of one target, from the first look at it to its release."""

    def __init__(self, store: _Leases, target: str, claim: Claim) -> None:
        self._store = store
        self._target = claim.called(target)
        self._claim = claim
        self._name = name_of(target)
        self._ours: Mapping[str, Any] = {}
        """As the server answered it last."""
        self._renewed = 0.0
        self._trouble = "the run was held up"
        self.lost: str | None = None
        """Why it is not ours any more."""

    # Taking it.

    async def acquire(self) -> None:
        """Raises Conflict, Unavailable."""
        first = await self._look()
        if _holder(first) not in ("", self._claim.run_id):
            await self._wait_for_its_end(first)
        # Whoever comes between a look and the write that follows is found out by the server.
        while True:
            found = await self._look()
            if _holder(found) not in ("", self._claim.run_id) and _record(found) != _record(first):
                raise self._conflict(found)
            if await self._write(found):
                break
        # At once, as a right to renew that is missing has to be known before anything is injected.
        if (taken := await self._renew_once()) is not None:
            raise Conflict(taken)

    async def _wait_for_its_end(self, first: Mapping[str, Any]) -> None:
        """Returns when a lease has stood still for as long as it lasts. Raises Conflict when its holder lives."""
        lasts = first["spec"].get("leaseDurationSeconds")
        if not isinstance(lasts, int) or not 0 < lasts <= _LONGEST:
            raise self._conflict(first)
        end = clock.now() + lasts
        log.warning(
            "%s is held by %s; waiting for a sign of life, for %d s at most", self._target, _who_has(first), lasts
        )
        while (left := end - clock.now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._claim.stopped.wait(), min(_LOOK, left))
                raise Conflict(f"{self._target} is held by {_who_has(first)}, and the run was stopped while it waited")
            found = await self._look()
            if _holder(found) == "":
                return
            if _record(found) != _record(first):
                raise self._conflict(found)

    async def _look(self) -> Mapping[str, Any]:
        """The lease; empty if there is none."""
        return await self._store.get(self._name)

    async def _write(self, found: Mapping[str, Any]) -> bool:
        """Creates or replaces what was found; whether nobody was faster. Raises Unavailable."""
        began = clock.now()
        body = self._body(found)
        done = await (self._store.update(self._name, body) if found else self._store.create(body))
        if done is not None:
            self._ours, self._renewed = done, began
        return done is not None

    def _body(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """The lease as ours, from now on."""
        was = found.get("spec", {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        again = _holder(found) == self._claim.run_id
        metadata = found.get("metadata", {"name": self._name})
        about = {
            "brownout/target": self._target,
            "brownout/run": self._claim.run_id,
            "brownout/experiment": self._claim.experiment,
            "brownout/by": _me(),
        }
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                **metadata,
                "labels": {**metadata.get("labels", {}), "app.kubernetes.io/managed-by": "brownout"},
                "annotations": {**metadata.get("annotations", {}), **about},
            },
            "spec": {
                "holderIdentity": self._claim.run_id,
                "leaseDurationSeconds": self._store.duration,
                "acquireTime": was.get("acquireTime", now) if again else now,
                "renewTime": now,
                "leaseTransitions": was.get("leaseTransitions", 0) + (1 if found and not again else 0),
            },
        }

    def _conflict(self, found: Mapping[str, Any]) -> Conflict:
        lease = f"lease {self._name} in namespace {self._store.namespace}"
        return Conflict(f"{self._target} is in use by {_who_has(found)} ({lease}); wait for it, or stop it")

    # Keeping it.

    def check(self) -> None:
        """Tells the claim when the lease is about to be anyone's; after a suspension, before any renewal can."""
        if self.lost is None and self._left() <= 0:
            self.lost = self._silent()
        if self.lost is not None:
            self._claim.lost(self.lost)

    async def renew(self) -> None:
        """Renews until it is cancelled; tells the claim when the lease is lost."""
        pause = self._store.duration / _RENEWALS
        failed = False
        while self.lost is None:
            await asyncio.sleep(min(pause, _LOOK) if failed else pause)
            try:
                async with asyncio.timeout(self._left()):
                    self.lost = await self._renew_once()
                failed = False
            except TimeoutError:
                self.lost = self._silent()
            except Exception as error:  # a bug of ours is no reason either to keep the target without a lease
                failed = True
                self._trouble = str(error) if isinstance(error, Unavailable) else f"{type(error).__name__}: {error}"
                if self._left() <= 0:  # what fails at once leaves a time limit no turn
                    self.lost = self._silent()
        self._claim.lost(self.lost)

    def _left(self) -> float:
        """Seconds in which a renewal is of use. What then is left of the lease is for the revert."""
        return self._renewed + self._store.duration * (1 - 1 / _RENEWALS) - clock.now()

    def _silent(self) -> str:
        seconds = clock.now() - self._renewed
        return f"the lease on {self._target} could not be renewed for {seconds:.1f} s: {self._trouble}"

    async def _renew_once(self) -> str | None:
        """What became of the lease, when it is not ours any more. Raises Unavailable."""
        while not await self._write(self._ours):
            if (taken := await self._taken()) is not None:
                return f"the lease on {self._target} is lost: {taken}"
        return None

    async def _taken(self) -> str | None:
        """What became of our lease, when it is not as we wrote it; None if it is still ours. Raises Unavailable."""
        found = await self._look()
        if not found:
            return "somebody deleted it"
        if _holder(found) != self._claim.run_id:
            return f"{_who_has(found) if _holder(found) else 'nobody'} has it"
        self._ours = found  # an annotation, or a renewal of ours whose answer never came
        return None

    # Giving it back.

    async def release(self) -> None:
        """Deletes it if it is ours. A failure is only logged: the lease ends by itself."""
        if not self._ours or self.lost is not None:
            return
        try:
            for _ in range(2):
                if await self._store.delete(self._name, self._ours) or await self._taken() is not None:
                    return
        except Unavailable as error:
            log.warning("the lease on %s could not be released, and ends by itself: %s", self._target, error)


class _Leases:
    """The leases of a namespace: four requests, and what may go wrong with each in words."""

    def __init__(self, cluster: Cluster, namespace: str, duration: int) -> None:
        self.namespace = namespace
        self.duration = duration
        self._cluster = cluster
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"

    async def get(self, name: str) -> Mapping[str, Any]:
        """Empty if there is none. Raises Unavailable."""
        return await self._ask("get", "GET", f"{self._path}/{name}", None, _MISSING) or {}

    async def create(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """None if there is one already. Raises Unavailable."""
        return await self._ask("create", "POST", self._path, body, _CONFLICT)

    async def update(self, name: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """None if it is not any more what `body` was made from. Raises Unavailable."""
        return await self._ask("update", "PUT", f"{self._path}/{name}", body, _CONFLICT, _MISSING)

    async def delete(self, name: str, known: Mapping[str, Any]) -> bool:
        """Whether it was still the one that is known. Raises Unavailable."""
        preconditions = {key: known["metadata"][key] for key in ("uid", "resourceVersion")}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        done = await self._ask("delete", "DELETE", f"{self._path}/{name}", options, _CONFLICT, _MISSING)
        return done is not None

    async def close(self) -> None:
        await self._cluster.close()

    async def _ask(
        self, verb: str, method: str, path: str, body: Mapping[str, Any] | None, *no: int
    ) -> Mapping[str, Any] | None:
        """What it answers; None for a status that is a no."""
        try:
            return await self._cluster.request(method, path, body, self.duration / _RENEWALS)
        except ClusterError as error:
            if error.status in no:
                return None
            raise Unavailable(self._error_text(verb, error)) from None

    def _error_text(self, verb: str, error: ClusterError) -> str:
        if error.status == _FORBIDDEN:
            return (
                f"may not {verb} leases in namespace {self.namespace} ({error}); the lock needs get, create, update "
                "and delete on leases.coordination.k8s.io there, see deploy/kubernetes/lock-role.yaml"
            )
        if error.status == _MISSING:
            return f"there is no namespace {self.namespace} in the cluster ({error})"
        return f"cannot {verb} leases in namespace {self.namespace}: {error}"


def _holder(lease: Mapping[str, Any]) -> str:
    """The run that has it; nothing for nobody."""
    return str(lease.get("spec", {}).get("holderIdentity") or "")


def _record(lease: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a renewal changes."""
    return dict(lease.get("spec", {}))


def _who_has(lease: Mapping[str, Any]) -> str:
    about = lease.get("metadata", {}).get("annotations", {})
    by = [about[key] for key in ("brownout/experiment", "brownout/by") if about.get(key)]
    text = " ".join(filter(None, (_holder(lease), f"({', '.join(by)})" if by else "")))
    return line(text[:200])  # anybody may have written it


def _me() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}, process {os.getpid()}"
