"""A source that is waited for so long and no longer, whatever it does with its connection."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

from pmm.errors import InvalidInput
from pmm.sources.source import Source, SourceUnavailable

T = TypeVar("T")


class Patient(Generic[T]):
    """Implements ``Source`` over another one, which is asked in a thread of its own, one question at a time.

    A timeout of a socket begins anew with every byte; this one does not. While an old question is still without an
    answer no new one is put: a source that hangs has one thread, and costs its asker nothing more.
    """

    def __init__(self, source: Source[T], *, patience_s: float) -> None:
        if patience_s <= 0:
            raise InvalidInput(f"{source.name}: expected some patience, found {patience_s} s")
        self.name = source.name
        self._source, self._patience_s = source, patience_s
        self._asked: Future[T] | None = None

    def ask(self) -> T:
        """Return the answer; raises SourceUnavailable where none comes in time, else what the source raises."""
        if self._asked is not None and not self._asked.done():
            raise SourceUnavailable(
                f"expected an answer within {self._patience_s:g} s, its last question is still without one",
                final=True,
            )
        asked = self._asked = Future()
        threading.Thread(target=self._put, args=(asked,), name=f"source-{self.name}", daemon=True).start()
        try:
            return asked.result(self._patience_s)
        except TimeoutError:
            raise SourceUnavailable(
                f"expected an answer within {self._patience_s:g} s, found none", final=True
            ) from None

    def _put(self, asked: Future[T]) -> None:
        try:
            asked.set_result(self._source.ask())
        except Exception as error:  # noqa: BLE001 - it is the asker's, in the asker's thread
            asked.set_exception(error)
