"""One driver at a time: a lease on a dataset that its holder renews, and that dies with its holder.

In: the store and a name for the holder. Out: a Lease while it is held; LeaseHeld when another driver is at work. The lease is
one object, `_builds/_lease.json`, that only ever moves from what its writer has seen (`store.put_once`, `store.replace`).
Each new holder adds 1 to its fence number. A crash leaves no lock behind: what its holder does not renew for `ttl_s` is free.

Clocks need not agree. How old a lease is, is asked of the store alone: a second object is put, and the two times that the store
itself noted are compared; the holder in turn measures its own silence with its own stopwatch, from before it sent its last
renewal. So a holder knows that it may be replaced no later than the store would say so.

A holder that was silent too long (stopped, swapped out, cut off) and comes back finds the fence of another and stops at its
next `check`. What it wrote in between is harmless: plans, pages, receipts and parts are put once, and pointers move only from
what their writer has seen. The lease saves work being done twice; that nothing is doubled does not rest on it.

Costs three small requests every `ttl_s / 4`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from pipeline.builds import layout
from pipeline.errors import LeaseHeld, LeaseLost, ObjectMissing, StoreError, VerifyError
from pipeline.interfaces import ObjectStore
from pipeline.tables.parquet import to_json

RENEWALS_PER_TTL = 4
STORE_CLOCK_STEP_S = 1.0
"""S3 notes times in whole seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseState:
    """What the object says."""

    owner: str
    """"" when it was given back."""
    fence: int
    """Of all holders so far; the next one adds 1."""
    num_renewals: int
    """So that each renewal changes the object."""
    renewed_at: datetime
    """By the holder's clock, UTC: for people."""
    ttl_s: float


STATE: TypeAdapter[LeaseState] = TypeAdapter(LeaseState)


@contextmanager
def hold_lease(store: ObjectStore, *, owner: str, ttl_s: float) -> Iterator["Lease"]:
    """Held while the body runs, given back at its end. Raises LeaseHeld at once when another driver holds it, StoreError."""
    lease = Lease(store, _take(store, owner, ttl_s))
    try:
        yield lease
    finally:
        lease.give_back()


def find_lease(store: ObjectStore) -> tuple[str, LeaseState] | None:
    """The lease as it stands, and the version of its object; None before the first. Raises VerifyError when it is damaged."""
    try:
        version = store.head(layout.LEASE_KEY).version
        data = store.get(layout.LEASE_KEY)
    except ObjectMissing:
        return None
    try:
        return version, STATE.validate_json(data)
    except ValidationError as error:
        raise VerifyError(f"{layout.LEASE_KEY} is damaged: {error}; delete it when no driver is at work") from error


class Lease:
    """A lease that is held, and the thread that renews it. Its methods are for the driver's own thread."""

    def __init__(self, store: ObjectStore, state: LeaseState) -> None:
        self._store = store
        self._state = state
        self._renewed_s = time.monotonic()
        self._lost = ""
        self._is_over = threading.Event()
        self._renewing = threading.Lock()
        self._thread = threading.Thread(target=self._renew_until_over, name="lease", daemon=True)
        self._thread.start()

    @property
    def fence(self) -> int:
        """Higher than that of every holder before."""
        return self._state.fence

    def check(self) -> None:
        """Costs nothing while the lease is fresh. Raises LeaseLost when another driver has taken over, or may have."""
        if not self._lost and time.monotonic() - self._renewed_s > self._state.ttl_s:
            self._renew()
        if self._lost:
            raise LeaseLost(f"{self._lost}; this driver stops, what it has committed stays")

    def give_back(self) -> None:
        """Stops renewing, and leaves the lease free if it is still held."""
        self._is_over.set()
        self._thread.join()
        if not self._lost:
            self._write(replace(self._state, owner="", num_renewals=self._state.num_renewals + 1))

    def _renew_until_over(self) -> None:
        while not self._is_over.wait(self._state.ttl_s / RENEWALS_PER_TTL) and not self._lost:
            self._renew()

    def _renew(self) -> None:
        """A store that does not answer is asked again, until the lease has run out."""
        with self._renewing:
            sent_s = time.monotonic()
            renewed = replace(self._state, num_renewals=self._state.num_renewals + 1, renewed_at=datetime.now(UTC))
            try:
                is_ours = self._write(renewed)
            except StoreError as error:
                if sent_s - self._renewed_s > self._state.ttl_s:
                    self._lost = f"the lease could not be renewed for {self._state.ttl_s:g} s ({error})"
                return
            if is_ours:
                self._state, self._renewed_s = renewed, sent_s

    def _write(self, state: LeaseState) -> bool:
        """False, and the lease is lost, when it is another's by now."""
        found = find_lease(self._store)
        if found is not None and (found[1].owner, found[1].fence) == (self._state.owner, self._state.fence):
            data = _encode(state)
            if self._store.replace(layout.LEASE_KEY, data, version=found[0], attempt_id=uuid4().hex):
                return True
            found = find_lease(self._store)
        self._lost = "the lease is gone" if found is None else f"{found[1].owner or 'another driver'} has taken the lease over"
        return False


def _take(store: ObjectStore, owner: str, ttl_s: float) -> LeaseState:
    found = find_lease(store)
    fence = found[1].fence + 1 if found else 1
    state = LeaseState(owner=owner, fence=fence, num_renewals=0, renewed_at=datetime.now(UTC), ttl_s=ttl_s)
    if found is None:
        is_taken = store.put_once(layout.LEASE_KEY, _encode(state), attempt_id=uuid4().hex)
    else:
        version, before = found
        if before.owner and (silent_s := _silence_s(store)) <= before.ttl_s + STORE_CLOCK_STEP_S:
            raise LeaseHeld(_held(store, before, f"it was heard of {max(silent_s, 0):.0f} s ago"))
        is_taken = store.replace(layout.LEASE_KEY, _encode(state), version=version, attempt_id=uuid4().hex)
    if not is_taken:
        first = find_lease(store)
        raise LeaseHeld(_held(store, first[1], "it was faster") if first else f"the lease of {store.uri} was deleted meanwhile")
    return state


def _silence_s(store: ObjectStore) -> float:
    """How long the lease has not been renewed, by the store's clock."""
    key = layout.clock_key(uuid4().hex)
    try:
        store.put(key, b"")
        return (store.head(key).modified_at - store.head(layout.LEASE_KEY).modified_at).total_seconds()
    finally:
        store.delete(key)


def _held(store: ObjectStore, state: LeaseState, seen: str) -> str:
    return (
        f"another driver, {state.owner or 'just done'}, is at work on {store.uri}: {seen}. This one leaves; should that one be "
        f"dead, its lease is free {state.ttl_s:g} s after it was last renewed"
    )


def _encode(state: LeaseState) -> bytes:
    return (to_json(STATE.dump_python(state, mode="json")) + "\n").encode()
