"""The indexer in a thread of the desk's process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from pmm.chain.indexer.follower import Indexer
from pmm.domain import ChainChange
from pmm.errors import ChainError, PmmError, SetupError

_PROBE_S = 10.0


class Heads(Protocol):
    """Says when to look."""

    def wait(self) -> None:
        """Return at a new head, or when it is time to look anyway."""
        ...

    def seen(self, block: bytes) -> None:
        """Take the hash of the head that was read, which those told are held against."""
        ...


class IndexerLoop:
    """Steps whenever there is a new head, and goes on over every failure that passes by itself.

    Args:
        indexer: what steps.
        heads: when to look; stopping it ends a wait.
        probe: measures the nodes that stand by, every ten seconds, in a thread of its own.
        on_change: told of every step that changed something, after it is durable; consumers read the feed then.
    """

    def __init__(
        self,
        indexer: Indexer,
        *,
        heads: Heads,
        probe: Callable[[], None],
        on_change: Callable[[ChainChange], None] = lambda _change: None,
    ) -> None:
        self._indexer = indexer
        self._heads = heads
        self._probe = probe
        self._on_change = on_change
        self._stopped = threading.Event()
        self.trouble: str = ""
        """Why the last step failed; empty after one that did not."""
        self.stuck: PmmError | None = None
        """What ended the loop and needs a person; None while it runs."""

    def run(self) -> None:
        """Run until :meth:`stop`; raises ReorgBelowFinality and InvalidInput, which need a person."""
        prober = threading.Thread(target=self._keep_probing, name="probe nodes", daemon=True)
        prober.start()
        try:
            while not self._stopped.is_set():
                if self.step_once() is None:
                    self._heads.wait()
        except PmmError as error:
            self.stuck = error
            raise
        finally:
            self._stopped.set()
            prober.join(timeout=1)

    def step_once(self) -> ChainChange | None:
        """Step; failures of nodes and ledger are noted and tried again at the next look."""
        try:
            change = self._indexer.step()
        except (ChainError, SetupError) as error:
            self.trouble = str(error)
            return None
        self.trouble = ""
        if change is not None:
            self._heads.seen(change.head.hash)
            self._on_change(change)
        return change

    def stop(self) -> None:
        """End :meth:`run` after the present step; stop the heads too, they may be waiting."""
        self._stopped.set()

    def _keep_probing(self) -> None:
        while not self._stopped.wait(_PROBE_S):
            self._probe()
