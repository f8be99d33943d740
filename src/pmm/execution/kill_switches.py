"""Kill switches: what is paused, why, and when it may quote again. Pure; time and disk are the caller's.

A switch holds a manual latch and any number of automatic causes. It is off when there is neither. A cause that has
gone still holds for ``resume_after_s``: a feed that comes and goes must not make quotes come and go. Nothing
automatic lifts the latch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from pmm.domain import Address, Decision, RefusalReason
from pmm.errors import InvalidInput


class SwitchLevel(StrEnum):
    """How much a switch stops."""

    GLOBAL = "global"
    CHAIN = "chain"
    PAIR = "pair"
    SIDE = "side"
    RELAYER = "relayer"
    SIGNER = "signer"


class MakerSide(StrEnum):
    """What the maker does with the pair's base asset."""

    BUYS = "buys"
    SELLS = "sells"


@dataclass(frozen=True, slots=True)
class SwitchKey:
    """One switch; ``name`` is ``*`` (global), a chain id, ``WETH/USDC``, ``WETH/USDC:buys``, a relayer, a signer."""

    level: SwitchLevel
    name: str

    def __str__(self) -> str:
        return self.level.value if self.level is SwitchLevel.GLOBAL else f"{self.level.value} {self.name}"


EVERYTHING: Final = SwitchKey(SwitchLevel.GLOBAL, "*")


def parse_switch(level: str, name: str) -> SwitchKey:
    """Return the key in its one spelling; raise InvalidInput saying what is expected."""
    try:
        known = SwitchLevel(level)
    except ValueError:
        raise InvalidInput(f"level: expected any of {', '.join(SwitchLevel)}, found {level!r}") from None
    good = {
        SwitchLevel.GLOBAL: name == "*",
        SwitchLevel.CHAIN: name.isascii() and name.isdigit() and name == str(int(name or 0)),
        SwitchLevel.PAIR: name.count("/") == 1 and ":" not in name and all(name.split("/")),
        SwitchLevel.SIDE: name.count("/") == 1 and name.rpartition(":")[2] in tuple(MakerSide),
        SwitchLevel.RELAYER: bool(name) and name.isprintable(),
        SwitchLevel.SIGNER: len(name) == 42 and name[:2] == "0x",
    }[known]
    if not good or len(name) > 100:
        forms = "* (global), 1 (chain), WETH/USDC (pair), WETH/USDC:buys or :sells (side), 0x... (signer)"
        raise InvalidInput(f"name of a {known.value} switch: expected {forms}, found {name[:100]!r}")
    return SwitchKey(known, name.lower() if known is SwitchLevel.SIGNER else name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchState:
    """A switch as it stands.

    Attributes:
        version: rises by one with every change; 0 was never touched.
        latched_by: who paused it by hand, None when nobody did.
        reason: what that person said.
        causes: automatic cause -> unix ms since when it has been gone, None while it is there.
    """

    version: int = 0
    latched_by: str | None = None
    reason: str = ""
    causes: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def is_paused(self) -> bool:
        """Tell whether it stops quotes."""
        return self.latched_by is not None or bool(self.causes)

    def latched(self, who: str, reason: str) -> SwitchState:
        """Return it paused by hand."""
        return replace(self, version=self.version + 1, latched_by=who, reason=reason)

    def unlatched(self) -> SwitchState:
        """Return it without the latch; automatic causes stand."""
        return replace(self, version=self.version + 1, latched_by=None, reason="")

    def tripped(self, cause: str) -> SwitchState:
        """Return it with a cause that is there; itself when it was."""
        if cause in self.causes and self.causes[cause] is None:
            return self
        return replace(self, version=self.version + 1, causes={**self.causes, cause: None})

    def cleared(self, cause: str, now_ms: int) -> SwitchState:
        """Return it with a cause that has gone now; itself when the cause is unknown or has been gone."""
        if self.causes.get(cause, now_ms) is not None:
            return self
        return replace(self, version=self.version + 1, causes={**self.causes, cause: now_ms})

    def rested(self, now_ms: int, resume_after_ms: int) -> SwitchState:
        """Return it without the causes that have been gone for long enough; itself when there are none."""
        left = {
            cause: gone_at_ms
            for cause, gone_at_ms in self.causes.items()
            if gone_at_ms is None or now_ms - gone_at_ms < resume_after_ms
        }
        if len(left) == len(self.causes):
            return self
        return replace(self, version=self.version + 1, causes=left)

    def explain(self) -> str:
        """Return why it is paused, for an operator."""
        reasons = [f"by {self.latched_by}: {self.reason}"] if self.latched_by is not None else []
        reasons += [
            f"{cause}{'' if gone is None else ' (gone, waiting)'}" for cause, gone in self.causes.items()
        ]
        return "; ".join(reasons) or "not paused"


class KillSwitches:
    """The switches that a desk asks; :meth:`put` is the only way to change one."""

    def __init__(self, states: Mapping[SwitchKey, SwitchState] | None = None) -> None:
        self._states = dict(states or {})
        self._paused: dict[SwitchKey, SwitchState] = {}
        self._recount()

    def state(self, key: SwitchKey) -> SwitchState:
        """Return a switch as it stands."""
        return self._states.get(key, _UNTOUCHED)

    def items(self) -> Iterable[tuple[SwitchKey, SwitchState]]:
        """Return every switch that was ever touched."""
        return tuple(self._states.items())

    @property
    def paused(self) -> Mapping[SwitchKey, SwitchState]:
        """The switches that stop something."""
        return dict(self._paused)

    def put(self, key: SwitchKey, state: SwitchState) -> None:
        """Set a switch."""
        self._states[key] = state
        self._recount()

    @property
    def all_on(self) -> bool:
        """Whether none stops anything: then there is nothing to ask."""
        return not self._paused

    def check(
        self,
        *,
        chain: int,
        signer: Address,
        pair: str | None = None,
        side: MakerSide | None = None,
        relayer: str | None = None,
    ) -> Decision:
        """Accept unless a switch that concerns this is paused. What is None is not asked for."""
        if not self._paused:
            return _ACCEPT
        asked = [EVERYTHING, SwitchKey(SwitchLevel.CHAIN, str(chain))]
        if pair is not None:
            asked.append(SwitchKey(SwitchLevel.PAIR, pair))
            if side is not None:
                asked.append(SwitchKey(SwitchLevel.SIDE, f"{pair}:{side.value}"))
        if relayer is not None:
            asked.append(SwitchKey(SwitchLevel.RELAYER, relayer))
        asked.append(SwitchKey(SwitchLevel.SIGNER, signer.lower()))
        for key in asked:
            if key in self._paused:
                # Not why: the reason is the desk's own business.
                return Decision.refuse(RefusalReason.PAUSED, f"quoting is paused by the operator ({key})")
        return _ACCEPT

    def _recount(self) -> None:
        self._paused = {key: state for key, state in self._states.items() if state.is_paused}


_UNTOUCHED: Final = SwitchState()
_ACCEPT: Final = Decision.accept()
