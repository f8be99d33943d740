"""Events of the lending accounts and their keeper."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge


class LendingEvents:
    """Counts what stands in lending markets and what the keeper did about it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        self._buffer = Gauge(
            "pmm_lending_buffer_ratio",
            "(collateral - required) / required; liquidation at 0.",
            ("account", "market"),
            registry=registry,
        )
        self._short = Gauge(
            "pmm_lending_short",
            "1 while nothing of ours brings an account's buffer back.",
            ("account", "market"),
            registry=registry,
        )
        self._position = Gauge(
            "pmm_lending_position_usd",
            "Supply (positive) and debt (negative), US dollars.",
            ("market", "token", "side"),
            registry=registry,
        )
        self._rate = Gauge(
            "pmm_lending_rate_ratio",
            "Yearly rate, 0.05 is 5 %.",
            ("market", "token", "side"),
            registry=registry,
        )
        self._acts = Counter(
            "pmm_keeper_actions", "What the keeper did.", ("action", "outcome"), registry=registry
        )
        self._registry = registry
        self._rounds: Counter | None = None

    def account_checked(self, *, account: str, market: str, buffer: float) -> None:
        """The keeper looked at an account."""
        self._buffer.labels(account, market).set(buffer)
        self._log.debug("account_checked", account=account, market=market, buffer=buffer)

    def shortfall_judged(self, *, account: str, market: str, short: bool) -> None:
        """The keeper can bring an account back to its buffer, or cannot: a person must act then."""
        self._short.labels(account, market).set(1 if short else 0)
        self._log.debug("shortfall_judged", account=account, market=market, short=short)

    def position_changed(self, *, market: str, token: str, supply_usd: float, debt_usd: float) -> None:
        """Supply or debt of a token is another one; both are given as positive numbers."""
        self._position.labels(market, token, "supply").set(supply_usd)
        self._position.labels(market, token, "debt").set(-debt_usd)
        self._log.debug("position_changed", market=market, token=token)

    def rates_read(self, *, market: str, token: str, supply: float, borrow: float) -> None:
        """The yearly rates of a market."""
        self._rate.labels(market, token, "supply").set(supply)
        self._rate.labels(market, token, "borrow").set(borrow)
        self._log.debug("rates_read", market=market, token=token)

    def keeper_started(self) -> None:
        """There is a keeper: without one, that it never looks is no cause for an alert."""
        self._count_rounds()
        self._log.info("keeper_started")

    def keeper_round(self) -> None:
        """The keeper looked at everything."""
        self._count_rounds().inc()
        self._log.debug("keeper_round")

    def _count_rounds(self) -> Counter:
        if self._rounds is None:
            self._rounds = Counter("pmm_keeper_rounds", "Rounds of the keeper.", registry=self._registry)
        return self._rounds

    def keeper_acted(self, *, action: str, account: str, outcome: str, usd: float) -> None:
        """The keeper repaid, moved collateral or de-leveraged; ``given_up`` is what it let go on purpose."""
        self._acts.labels(action, outcome).inc()
        log = self._log.info if outcome in ("done", "given_up") else self._log.error
        log("keeper_acted", action=action, account=account, outcome=outcome, usd=round(usd, 2))
