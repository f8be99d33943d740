"""A source with a rate limit, a few quick tries, a circuit breaker and a state that is a metric.

Tries by tenacity, breaker by pybreaker. The rate limit is a token bucket of our own: aiolimiter waits, and is for
asyncio; pyrate-limiter starts a thread per bucket; here a question too many is answered at once by "not now".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import pybreaker
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from pmm.errors import ChainError
from pmm.sources.source import Clock, Source, SourceUnavailable, SourceWatch

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """How a source is treated.

    Attributes:
        rate_per_s, burst: most questions per second, and at once after a rest.
        tries: of one question, with ``pause_s`` and its doubles between them.
        failures: in a row, until the breaker opens.
        open_s: time until it lets one question through again.
    """

    rate_per_s: float
    burst: float = 1.0
    tries: int = 2
    pause_s: float = 0.2
    failures: int = 3
    open_s: float = 60.0


EACH_BLOCK: Final = GuardPolicy(rate_per_s=2.0, burst=4.0, pause_s=0.05, open_s=15.0)
EACH_MINUTE: Final = GuardPolicy(rate_per_s=0.5, burst=2.0)
EACH_HOUR: Final = GuardPolicy(rate_per_s=0.05, burst=2.0, tries=1, open_s=900.0)


class Guarded(Generic[T]):
    """Implements ``Source`` over another one."""

    def __init__(self, source: Source[T], *, policy: GuardPolicy, watch: SourceWatch, clock: Clock) -> None:
        self.name = source.name
        self._source = source
        self._policy = policy
        self._watch = watch
        self._clock = clock
        self._tokens, self._filled_s = policy.burst, clock.monotonic_s()
        self._rest_until_s = 0.0
        self._answered = False
        # The time of opening lies here; a test moves it instead of waiting.
        self.breaker_storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=policy.failures,
            reset_timeout=policy.open_s,
            state_storage=self.breaker_storage,
            listeners=[_Listener(source.name, watch)],
            name=source.name,
            throw_new_error_on_trip=False,
        )
        self._show()

    def __repr__(self) -> str:
        return f"Guarded({self.name}, {self.breaker})"

    @property
    def breaker(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return str(self._breaker.current_state)

    @property
    def healthy(self) -> bool:
        """Whether its last question was answered and its breaker is closed."""
        return self._answered and self.breaker == pybreaker.STATE_CLOSED

    def ask(self) -> T:
        """Ask within the limits; raises SourceUnavailable, with the fault in its text."""
        if not self._may_ask():
            self._watch.source_failed(source=self.name, outcome="limited", detail="our own rate limit")
            raise SourceUnavailable(
                f"{self.name}: expected at most {self._policy.rate_per_s:g} questions per second, found more"
            )
        started_s = self._clock.monotonic_s()
        try:
            answer: T = self._breaker.call(self._tried)
        except pybreaker.CircuitBreakerError:
            self._watch.source_failed(source=self.name, outcome="broken", detail="its breaker is open")
            self._show()
            raise SourceUnavailable(f"{self.name}: expected a closed breaker, found it open") from None
        except ChainError as error:
            self._failed(error)
            raise SourceUnavailable(f"{self.name}: {error}") from None
        self._answered = True
        took_s = self._clock.monotonic_s() - started_s
        self._watch.source_answered(source=self.name, took_s=took_s, at_s=self._clock.unix_s())
        self._show()
        return answer

    def _tried(self) -> T:
        policy = self._policy
        retrying = Retrying(
            stop=stop_after_attempt(policy.tries),
            wait=wait_exponential(multiplier=policy.pause_s, max=5),
            retry=retry_if_exception(_worth_another_try),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return retrying(self._source.ask)

    def _failed(self, error: ChainError) -> None:
        self._answered = False
        pause_s = getattr(error, "retry_after_s", None)
        if pause_s is not None:
            self._rest_until_s = self._clock.monotonic_s() + pause_s
        self._watch.source_failed(source=self.name, outcome="failed", detail=str(error))
        self._show()

    def _may_ask(self) -> bool:
        now_s = self._clock.monotonic_s()
        if now_s < self._rest_until_s:
            return False
        refill = (now_s - self._filled_s) * self._policy.rate_per_s
        self._tokens, self._filled_s = min(self._policy.burst, self._tokens + refill), now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _show(self) -> None:
        self._watch.source_state(source=self.name, healthy=self.healthy, breaker=self.breaker)


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, name: str, watch: SourceWatch) -> None:
        self._name = name
        self._watch = watch

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        before = "" if old_state is None else old_state.name
        self._watch.breaker_changed(source=self._name, before=before, after=new_state.name)


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, SourceUnavailable):
        return not error.final and error.retry_after_s is None
    return isinstance(error, ChainError)
