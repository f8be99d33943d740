"""How operators shape all quotes: wider, smaller, shifted, without a source. Pure; time and disk are the caller's.

A person and the risk desk set their values side by side, and the stricter one counts: what one of them lifts, the
other may still ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from pmm.domain import MAINNET_TOKENS, Address, Token
from pmm.errors import InvalidInput
from pmm.pricing import NO_SHAPE, PairPolicy, QuoteShape
from pmm.pricing.quote_shape import WHOLE_SIZE_BPS

EVERY_PAIR: Final = "*"
REQUIRED_SOURCES: Final = ("chainlink", "pools")
"""Without either there is no price at all: what cannot be used is paused, not switched off."""
_MOST_BPS: Final = 5_000
_DECIMALS: Final = 6


class ShapeKind(StrEnum):
    """What is set, in basis points.

    ``spread``: added to each half-spread of a pair, or of all (``*``). ``size``: part of the normal sizes of a pair,
    or of all. ``skew``: shift of both prices of a token. ``source``: 1 leaves a source outside the chain out.
    """

    SPREAD = "spread"
    SIZE = "size"
    SKEW = "skew"
    SOURCE = "source"


class Setter(StrEnum):
    """Whose value it is."""

    PERSON = "person"
    DESK = "desk"


NEUTRAL: Final = {
    ShapeKind.SPREAD: Decimal(0),
    ShapeKind.SIZE: Decimal(WHOLE_SIZE_BPS),
    ShapeKind.SKEW: Decimal(0),
    ShapeKind.SOURCE: Decimal(0),
}
_RANGE: Final = {
    ShapeKind.SPREAD: (Decimal(0), Decimal(_MOST_BPS)),
    ShapeKind.SIZE: (Decimal(1), Decimal(WHOLE_SIZE_BPS)),
    ShapeKind.SKEW: (Decimal(-_MOST_BPS), Decimal(_MOST_BPS)),
    ShapeKind.SOURCE: (Decimal(0), Decimal(1)),
}


@dataclass(frozen=True, slots=True)
class ShapeKey:
    """One value; ``name`` is ``*`` or ``WETH/USDC`` (spread, size), a token (skew), a source."""

    kind: ShapeKind
    name: str
    setter: Setter

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name} of the {self.setter.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeState:
    """A value as it stands.

    Attributes:
        version: rises by one with every change; 0 was never touched.
        value: basis points, for a source 0 or 1.
        who: who set it last.
        reason: what was said.
        expires_at_ms: unix ms at which it becomes neutral again; None: until it is cleared.
    """

    version: int = 0
    value: Decimal
    who: str = ""
    reason: str = ""
    expires_at_ms: int | None = None

    def changed(self, value: Decimal, who: str, reason: str, expires_at_ms: int | None) -> ShapeState:
        """Return it with another value."""
        return replace(
            self,
            version=self.version + 1,
            value=value,
            who=who,
            reason=reason,
            expires_at_ms=expires_at_ms,
        )


def parse_shape(kind: str, name: str, setter: str, value: str) -> tuple[ShapeKey, Decimal]:
    """Return key and value in their one spelling; raise InvalidInput saying what is expected."""
    try:
        known, by = ShapeKind(kind), Setter(setter)
    except ValueError:
        raise InvalidInput(
            f"expected what of {', '.join(ShapeKind)} and setter of {', '.join(Setter)}, found {kind!r}, {setter!r}"
        ) from None
    return ShapeKey(known, _name(known, name), by), _value(known, value)


def tightens(kind: ShapeKind, before: Decimal, after: Decimal) -> bool:
    """Tell whether a change can only be in the maker's favour."""
    if kind is ShapeKind.SPREAD:
        return after >= before
    return kind is ShapeKind.SIZE and after <= before


class QuoteShaping:
    """The values that a desk asks; :meth:`put` is the only way to change one."""

    def __init__(self, states: Mapping[ShapeKey, ShapeState] | None = None) -> None:
        self._states = dict(states or {})
        self._recount()

    def state(self, key: ShapeKey) -> ShapeState:
        """Return a value as it stands."""
        return self._states.get(key) or ShapeState(value=NEUTRAL[key.kind])

    def items(self) -> Iterable[tuple[ShapeKey, ShapeState]]:
        """Return every value that was ever touched."""
        return tuple(self._states.items())

    @property
    def active(self) -> Mapping[ShapeKey, ShapeState]:
        """The values that change something."""
        return self._now.active

    @property
    def sources_off(self) -> frozenset[str]:
        """Sources outside the chain that are left out."""
        return self._now.sources_off

    def put(self, key: ShapeKey, state: ShapeState) -> None:
        """Set a value; the next quote and the next ladder have it."""
        self._states[key] = state
        self._recount()

    def of(self, pair: PairPolicy) -> QuoteShape:
        """Return what is asked of a pair's quotes."""
        return self._now.of(pair)

    def _recount(self) -> None:
        # Swapped as a whole: the routes' threads change it while the event loop reads.
        self._now = _Active({key: one for key, one in self._states.items() if one.value != NEUTRAL[key.kind]})


class _Active:
    """The values that change something, and what follows from them for each pair."""

    def __init__(self, active: Mapping[ShapeKey, ShapeState]) -> None:
        self.active = active
        self.sources_off = frozenset(key.name for key, _ in self._of_kind(ShapeKind.SOURCE))
        self._shapes: dict[tuple[Address, Address], QuoteShape] = {}

    def of(self, pair: PairPolicy) -> QuoteShape:
        if not self.active:
            return NO_SHAPE
        key = (pair.base.address, pair.quote.address)
        known = self._shapes.get(key)
        if known is None:
            known = self._shapes[key] = self._shape(pair)
        return known

    def _shape(self, pair: PairPolicy) -> QuoteShape:
        names = (EVERY_PAIR, f"{pair.base.symbol}/{pair.quote.symbol}")
        spreads = [one.value for key, one in self._of_kind(ShapeKind.SPREAD) if key.name in names]
        sizes = [one.value for key, one in self._of_kind(ShapeKind.SIZE) if key.name in names]
        found = QuoteShape(
            spread_bps=max(spreads, default=NO_SHAPE.spread_bps),
            base_skew_bps=self._skew(pair.base) - self._skew(pair.quote),
            size_bps=int(min(sizes, default=Decimal(WHOLE_SIZE_BPS))),
        )
        return NO_SHAPE if found == NO_SHAPE else found

    def _skew(self, token: Token) -> Decimal:
        """Return the shift of a token's prices: a person's word goes before the desk's."""
        found = {
            key.setter: one.value for key, one in self._of_kind(ShapeKind.SKEW) if key.name == token.symbol
        }
        return found.get(Setter.PERSON, found.get(Setter.DESK, Decimal(0)))

    def _of_kind(self, kind: ShapeKind) -> list[tuple[ShapeKey, ShapeState]]:
        return [(key, one) for key, one in self.active.items() if key.kind is kind]


def _name(kind: ShapeKind, name: str) -> str:
    if kind is ShapeKind.SKEW:
        return MAINNET_TOKENS.get(name, "name of a skew").symbol
    if kind is ShapeKind.SOURCE:
        if name in REQUIRED_SOURCES:
            raise InvalidInput(
                f"source: expected one outside the chain, found {name}; there is no price without it, pause the pair"
            )
        good = bool(name) and name.isprintable() and name != EVERY_PAIR
    else:
        good = name == EVERY_PAIR or (name.count("/") == 1 and all(name.split("/")))
    if not good or len(name) > 100:
        raise InvalidInput(
            f"name of a {kind.value}: expected * or WETH/USDC (spread, size), a token (skew), a source's name, found "
            f"{name[:100]!r}"
        )
    return name


def _value(kind: ShapeKind, text: str) -> Decimal:
    least, most = _RANGE[kind]
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    whole = kind in (ShapeKind.SIZE, ShapeKind.SOURCE)
    good = value.is_finite() and least <= value <= most
    if good:
        good = value == round(value, 0 if whole else _DECIMALS)
    if not good:
        raise InvalidInput(
            f"value of a {kind.value}: expected {'a whole number' if whole else 'basis points'} of {least} to "
            f"{most}, found {text[:40]!r}"
        )
    # One spelling: 5.000000 is 5.
    return Decimal(format(value.normalize(), "f"))
