"""A simulated process and its hold on the store: every operation may fail, lie late, or be the last one.

In: an ObjectStore that works, the weather, and the watch. Out: an ObjectStore as one process sees it. It pauses before and
after each operation, so that another process may come between, and asks the weather what strikes there.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from jobs.drills.stage import Actor, Killed
from jobs.drills.watch import Watch
from jobs.drills.weather import RATES, SPELL_RATE, Kind, Weather
from pipeline.errors import CredentialRefused, ObjectMissing, SourceError, StoreError
from pipeline.interfaces import ObjectInfo, ObjectStore

Answer = TypeVar("Answer")


class Process:
    """A driver or a worker: it lives in one or more actors, and all of them end together."""

    def __init__(
        self, name: str, weather: Weather, *, kill_kind: Kind, kill_rate: float, is_clear: bool, can_die: Callable[[], bool]
    ) -> None:
        self.name = name
        self.weather = weather
        self.actors: list[Actor] = []
        self.is_dead = False
        self.struck: Counter[str] = Counter()
        """Faults that struck it, by kind."""
        self._kill_kind = kill_kind
        self._kill_rate = kill_rate
        self._is_clear = is_clear
        self._can_die = can_die
        self._spell: Kind | None = None
        self._asked: Counter[tuple[str, ...]] = Counter()
        self._lock = threading.Lock()

    def kill(self) -> None:
        self.is_dead = True
        for actor in self.actors:
            actor.is_dead = True

    def pause(self) -> None:
        """Only on an actor's own thread: those of a pool run while their actor holds the baton."""
        for actor in self.actors:
            if actor.is_here():
                actor.pause()
        if self.is_dead:
            raise Killed(self.name)

    def meets(self, kind: Kind, rate: float, *where: str) -> bool:
        """Draws whether this process meets the fault here, this time."""
        if self._is_clear:
            return False
        with self._lock:
            self._asked[kind, *where] += 1
            strikes = self.weather.strikes(kind, rate, self.name, *where, self._asked[kind, *where])
            self.struck[kind] += strikes
        return strikes

    def may_die(self, *where: str) -> None:
        if self._can_die() and self.meets(self._kill_kind, self._kill_rate, *where):
            self.kill()
            raise Killed(self.name)

    def endure(self, *where: str, is_write: bool) -> None:
        """Raises StoreError while a spell lasts; a spell begins on an actor's own thread and ends with the driver's run."""
        if any(actor.is_here() for actor in self.actors) and self._spell is None:
            for kind in ("credential_expired", "disk_full"):
                if self.meets(kind, SPELL_RATE, *where):
                    self._spell = kind
        if self._spell == "credential_expired":
            raise CredentialRefused("drill: the credential has expired")
        if self._spell == "disk_full" and is_write:
            raise StoreError("drill: no space left on device")

    def fetch(self, name: str) -> None:
        """Before a document is read from the source."""
        self.pause()
        self.may_die("source", name)
        if self.meets("source_trouble", RATES["source_trouble"], name):
            raise SourceError(f"drill: {name} cannot be fetched now")


class FaultyStore:
    """An ObjectStore seen through one process."""

    def __init__(self, inner: ObjectStore, process: Process, watch: Watch) -> None:
        self._inner = inner
        self._process = process
        self._watch = watch

    @property
    def uri(self) -> str:
        return self._inner.uri

    def put_once(self, key: str, data: bytes, *, attempt_id: str) -> bool:
        return self._done("put_once", key, lambda: self._inner.put_once(key, data, attempt_id=attempt_id), is_write=True)

    def put(self, key: str, data: bytes) -> None:
        self._done("put", key, lambda: self._inner.put(key, data), is_write=True)

    def replace(self, key: str, data: bytes, *, version: str, attempt_id: str) -> bool:
        do = partial(self._inner.replace, key, data, version=version, attempt_id=attempt_id)
        return self._done("replace", key, do, is_write=True)

    def copy(self, source_key: str, key: str) -> None:
        self._done("copy", key, lambda: self._inner.copy(source_key, key), is_write=True)

    def get(self, key: str) -> bytes:
        return self._done("get", key, lambda: self._inner.get(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self._done("get_range", key, lambda: self._inner.get_range(key, start, length))

    def head(self, key: str) -> ObjectInfo:
        return self._done("head", key, lambda: self._inner.head(key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        found = self._done("list", prefix, lambda: list(self._inner.list(prefix)))
        return (info for info in found if not self._is_unseen(prefix, info.key))

    def delete(self, key: str) -> None:
        self._done("delete", key, lambda: self._inner.delete(key), is_write=True)

    def probe(self) -> None:
        self._done("probe", "", self._inner.probe, is_write=True)

    def _is_unseen(self, prefix: str, key: str) -> bool:
        return self._watch.is_fresh(key) and self._process.meets("stale_listing", RATES["stale_listing"], prefix, key)

    def _done(self, verb: str, key: str, do: Callable[[], Answer], *, is_write: bool = False) -> Answer:
        process = self._process
        process.pause()
        process.may_die("before", verb, key)
        process.endure(verb, key, is_write=is_write)
        if process.meets("lost_request", RATES["lost_request"], verb, key):
            raise StoreError(f"drill: {verb} {key} failed and did nothing")
        try:
            answer = do()
        except ObjectMissing:
            process.pause()
            raise
        if is_write:
            self._watch.look(key)
        process.pause()
        process.may_die("after", verb, key)
        if is_write and process.meets("lost_reply", RATES["lost_reply"], verb, key):
            raise StoreError(f"drill: {verb} {key} was done, and its reply was lost")
        return answer
