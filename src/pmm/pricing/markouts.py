"""Markouts of fills, and what they say about who asks: a shrunk add-on in basis points, never negative.

A markout is what a fill was worth to us some time later: positive when the price moved our way. Few fills say
little, so a mean is pulled towards that of the group above it (source, then taker, then origin), and the first
towards zero: ``(n * mean + K * parent) / (n + K)``. Source: B. Efron, C. Morris, "Data analysis using Stein's
estimator and its generalizations", JASA 70 (1975); with K constant it is the credibility formula of H. Buehlmann,
"Experience rating and credibility", ASTIN Bulletin 4 (1967).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput
from pmm.pricing.toxic_flow import TakerSide

_BPS = 10_000.0
_MS = 1_000


@value_class(frozen=True, slots=True, kw_only=True)
class Flow:
    """Who asks: the relayer, the caller of the fill, the user behind both; an empty string is unknown."""

    source: str = ""
    taker: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkoutPolicy:
    """How markouts are taken and become an add-on.

    Attributes:
        horizons_s: when a fill is looked at again.
        tolerance_ms: a price later than this after a horizon is too late for it.
        prior_fills: K, how many fills the group above weighs.
        min_fills: fills of a source below which nobody of it pays an add-on.
        half_life_s: time after which a fill counts half.
        max_addon_bps: most that is added.
        max_keys: most groups remembered; the longest silent is forgotten.
    """

    horizons_s: tuple[int, ...] = (1, 5, 30, 60, 300)
    tolerance_ms: int = 3_000
    prior_fills: float = 20.0
    min_fills: float = 5.0
    half_life_s: float = 86_400.0
    max_addon_bps: float = 50.0
    max_keys: int = 10_000

    def __post_init__(self) -> None:
        ordered = (
            list(self.horizons_s) == sorted(set(self.horizons_s)) and min(self.horizons_s, default=0) > 0
        )
        if not ordered or min(self.prior_fills, self.half_life_s, self.max_keys) <= 0:
            raise InvalidInput(
                f"markouts: expected rising positive horizons, positive prior, half-life and keys, found {self}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FillObservation:
    """A fill as markouts see it; ``price`` is quote per base in the unit of the price observations."""

    at_ms: int
    side: TakerSide
    price: float
    flow: Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Markout:
    """What a fill was worth to us ``horizon_s`` later, basis points of its notional."""

    flow: Flow
    horizon_s: int
    at_ms: int
    bps: float


def markout_bps(fill: FillObservation, price: float) -> float:
    """Return the markout of a fill at a later price: we gain when what we bought rises."""
    move = (price / fill.price - 1) * _BPS
    return move if fill.side is TakerSide.SELLS else -move


@dataclass(slots=True)
class _Pending:
    fill: FillObservation
    done: int = 0


class MarkoutTaker:
    """Holds one pair's fills until each horizon has a price."""

    def __init__(self, policy: MarkoutPolicy) -> None:
        self._policy = policy
        self._pending: list[_Pending] = []

    def __len__(self) -> int:
        return len(self._pending)

    def observe_fill(self, fill: FillObservation) -> None:
        """Take a fill; raises InvalidInput for a price that is not positive."""
        if not fill.price > 0:
            raise InvalidInput(f"fill: expected a positive price, found {fill.price}")
        self._pending.append(_Pending(fill))

    def observe_price(self, price: float, at_ms: int) -> list[Markout]:
        """Return the markouts that a price completes: the first price at or after each horizon."""
        found: list[Markout] = []
        horizons = self._policy.horizons_s
        for entry in self._pending:
            while entry.done < len(horizons):
                horizon_s = horizons[entry.done]
                late_ms = at_ms - entry.fill.at_ms - horizon_s * _MS
                if late_ms < 0:
                    break
                entry.done += 1
                if late_ms <= self._policy.tolerance_ms:
                    bps = markout_bps(entry.fill, price)
                    found.append(Markout(flow=entry.fill.flow, horizon_s=horizon_s, at_ms=at_ms, bps=bps))
        self._pending = [entry for entry in self._pending if entry.done < len(horizons)]
        return found


@dataclass(slots=True)
class _Losses:
    """Fading count and sum of losses (negative markouts are losses: sign turned), per horizon."""

    at_ms: int
    counts: dict[int, float]
    sums: dict[int, float]


class ToxicityBook:
    """Mean losses per source, taker and origin. Its add-on is a function of the markouts given so far."""

    def __init__(self, policy: MarkoutPolicy) -> None:
        self._policy = policy
        self._losses: OrderedDict[tuple[str, str], _Losses] = OrderedDict()

    def __len__(self) -> int:
        return len(self._losses)

    def add(self, markout: Markout) -> None:
        """Count a markout for its source, taker and origin."""
        for key in _keys(markout.flow):
            losses = self._losses.get(key)
            if losses is None:
                losses = self._losses[key] = _Losses(markout.at_ms, {}, {})
            self._losses.move_to_end(key)
            self._fade(losses, markout.at_ms)
            horizon = markout.horizon_s
            losses.counts[horizon] = losses.counts.get(horizon, 0.0) + 1
            losses.sums[horizon] = losses.sums.get(horizon, 0.0) - markout.bps
        while len(self._losses) > self._policy.max_keys:
            self._losses.popitem(last=False)

    def addon_bps(self, flow: Flow, now_ms: int) -> float:
        """Return what is added for who asks: the largest shrunk loss of all horizons, 0 to ``max_addon_bps``.

        Never less than for the source alone, which is what a ladder published to that source holds.
        """
        groups = [
            (losses, self._kept(losses, now_ms)) for losses in map(self._losses.get, _keys(flow)) if losses
        ]
        if not groups or groups[0][0] is not self._losses.get(_keys(flow)[0]):
            return 0.0
        most = 0.0
        for horizon in self._policy.horizons_s:
            estimate = 0.0
            if groups[0][0].counts.get(horizon, 0.0) * groups[0][1] < self._policy.min_fills:
                continue
            for losses, kept in groups:
                count, total = losses.counts.get(horizon, 0.0) * kept, losses.sums.get(horizon, 0.0) * kept
                weight = self._policy.prior_fills
                estimate = (total + weight * estimate) / (count + weight)
                most = max(most, estimate)
        return min(most, self._policy.max_addon_bps)

    def _kept(self, losses: _Losses, now_ms: int) -> float:
        elapsed_s = max(now_ms - losses.at_ms, 0) / _MS
        return float(0.5 ** (elapsed_s / self._policy.half_life_s))

    def _fade(self, losses: _Losses, at_ms: int) -> None:
        kept = self._kept(losses, at_ms)
        losses.at_ms = max(losses.at_ms, at_ms)
        for horizon in losses.counts:
            losses.counts[horizon] *= kept
            losses.sums[horizon] *= kept


def _keys(flow: Flow) -> list[tuple[str, str]]:
    named = (("source", flow.source), ("taker", flow.taker), ("origin", flow.origin))
    # The source stays in front even if unknown: it is the group of everybody.
    return [key for key in named if key[1] or key[0] == "source"]
