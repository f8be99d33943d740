"""Dune's SQL API: execute, poll, results.

https://docs.dune.com/api-reference/executions/endpoint/execute-sql, get-execution-status and get-execution-result.
The key goes into ``X-Dune-Api-Key``; an execution costs credits, polling does not.
"""

from __future__ import annotations

from typing import Any, Final

from pmm.errors import InvalidInput
from pmm.sources.rest import RestClient
from pmm.sources.source import Clock, SourceUnavailable

API_URL: Final = "https://api.dune.com/api/v1"
_RUNNING: Final = frozenset({"QUERY_STATE_PENDING", "QUERY_STATE_EXECUTING"})
_DONE: Final = "QUERY_STATE_COMPLETED"
_PAGE: Final = 1_000

Row = dict[str, Any]


class DuneSql:
    """One statement, run again at every question; at most ``most_rows`` rows."""

    def __init__(
        self,
        name: str,
        sql: str,
        *,
        key: str,
        timeout_s: float,
        clock: Clock,
        url: str = API_URL,
        poll_s: float = 2.0,
        patience_s: float = 300.0,
        most_rows: int = 10_000,
    ) -> None:
        if not key or not sql.strip():
            raise InvalidInput("dune: expected a key and a statement, found one of them empty")
        self.name = name
        self._sql = sql
        self._clock = clock
        self._poll_s, self._patience_s, self._most_rows = poll_s, patience_s, most_rows
        self._client = RestClient(name, url, timeout_s=timeout_s, headers={"X-Dune-Api-Key": key})
        # An execution that was still running when patience ended: asked for again before a new one is paid for.
        self._unfinished = ""

    def __repr__(self) -> str:
        return f"DuneSql({self.name})"

    def ask(self) -> tuple[Row, ...]:
        """Run, wait and return the rows; raises SourceUnavailable for a failed or too slow execution."""
        execution = self._unfinished or self._execute()
        self._unfinished = execution
        deadline_s = self._clock.monotonic_s() + self._patience_s
        while (state := self._state(execution)) in _RUNNING:
            if self._clock.monotonic_s() >= deadline_s:
                raise SourceUnavailable(f"expected an end within {self._patience_s:g} s, found {state}")
            self._clock.sleep(self._poll_s)
        self._unfinished = ""
        if state != _DONE:
            raise SourceUnavailable(f"expected {_DONE}, found {state:.60}", final=True)
        return self._rows(execution)

    def _execute(self) -> str:
        answer = self._client.post("/sql/execute", {"sql": self._sql, "performance": "medium"})
        return _text(answer, "execution_id")

    def _state(self, execution: str) -> str:
        try:
            return _text(self._client.get(f"/execution/{execution}/status"), "state")
        except SourceUnavailable as error:
            if error.final:
                self._unfinished = ""
            raise

    def _rows(self, execution: str) -> tuple[Row, ...]:
        rows: list[Row] = []
        offset: int | None = 0
        while offset is not None and len(rows) < self._most_rows:
            answer = self._client.get(f"/execution/{execution}/results", {"limit": _PAGE, "offset": offset})
            try:
                page = answer["result"]["rows"]
                if not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
                    raise TypeError
                following = answer.get("next_offset")
            except (KeyError, TypeError, AttributeError):
                raise SourceUnavailable("expected rows of Dune, found something else", final=True) from None
            rows += page
            # A page that does not move on would be asked for for ever.
            offset = following if isinstance(following, int) and following > offset else None
        return tuple(rows[: self._most_rows])


def _text(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value.replace("_", "").isalnum():
        raise SourceUnavailable(f"expected {name} of Dune, found something else", final=True)
    return value
