"""Many processes in one, one at a time: threads that hand a baton round in an order drawn from a seed.

In: functions to run as actors. Out: one interleaving of them, the same for the same seed. An actor keeps the baton until it
pauses, waits for a condition, or ends, so that what happens between two pauses is atomic and nothing depends on the clock.
Knows nothing of builds. Costs about 20 us a pause.
"""

import random
import threading
from collections.abc import Callable


class Killed(BaseException):
    """The process ended here, and nothing in it may catch that or clean up behind it."""


class Stuck(Exception):
    """Every actor waits for something that no other will do."""


class Actor:
    """One thread of a simulated process."""

    def __init__(self, name: str, act: Callable[["Actor"], None], baton_back: threading.Semaphore) -> None:
        self.name = name
        self.is_done = False
        self.is_dead = False
        self.error: BaseException | None = None
        self._act = act
        self._until: Callable[[], bool] | None = None
        self._baton = threading.Semaphore(0)
        self._baton_back = baton_back
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_ready(self) -> bool:
        return not self.is_done and (self.is_dead or self._until is None or self._until())

    def is_here(self) -> bool:
        """The caller runs on this actor's own thread, not on one of a pool that it started."""
        return threading.current_thread() is self._thread

    def pause(self) -> None:
        """Lets others go on. Raises Killed when this one was killed meanwhile."""
        self._baton_back.release()
        self._baton.acquire()
        if self.is_dead:
            raise Killed(self.name)

    def wait(self, until: Callable[[], bool]) -> None:
        self._until = until
        self.pause()
        self._until = None

    def go_on(self) -> None:
        """The stage gives it the baton and has it back on return."""
        self._baton.release()
        self._baton_back.acquire()

    def _run(self) -> None:
        self._baton.acquire()
        try:
            if not self.is_dead:
                self._act(self)
        except BaseException as error:  # noqa: BLE001  whatever ends an actor is its outcome
            self.error = error
        self.is_done = True
        self._baton_back.release()


class Stage:
    """Holds the baton between two moves."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._actors: list[Actor] = []
        self._baton_back = threading.Semaphore(0)
        self.num_moves = 0

    def enter(self, name: str, act: Callable[[Actor], None]) -> Actor:
        actor = Actor(name, act, self._baton_back)
        self._actors.append(actor)
        return actor

    def move(self) -> bool:
        """One actor, drawn among those that are ready, goes on to its next pause. False when all have ended."""
        self._actors = [actor for actor in self._actors if not actor.is_done]
        if not self._actors:
            return False
        ready = [actor for actor in self._actors if actor.is_ready]
        if not ready:
            raise Stuck(", ".join(actor.name for actor in self._actors) + " wait for ever")
        self.num_moves += 1
        self._chance.choice(ready).go_on()
        return True
