"""Moving from one signer to another with a bounded overlap; pure, a fact comes in, a state comes out.

WAITING   the new signer is named; the old one signs; the owner has until ``authorise_within_s`` to authorise it
OVERLAP   both are authorised on chain, ``confirmations`` deep; the old one still signs
SWITCHED  the new one signs; orders of the old one are still out and must stay fillable
RETIRED   every order of the old one has expired by the chain's clock, ``confirmations`` deep: it may be revoked
ABANDONED the new one was not authorised in time, or lost its lanes before the switch: the old one signs on
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from pmm.domain import Address
from pmm.errors import InvalidInput


class RotationState(StrEnum):
    """Where a rotation stands."""

    WAITING = "waiting"
    OVERLAP = "overlap"
    SWITCHED = "switched"
    RETIRED = "retired"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationFacts:
    """What the chain shows at one block.

    ``open_old`` is the number of live quotes of the old signer, ``chain_time_s`` the block's own time.
    """

    block: int
    chain_time_s: int
    new_authorised: bool
    open_old: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerRotation:
    """A rotation from ``old`` to ``new``.

    Attributes:
        ttl_s: longest life of an order of the old signer.
        confirmations: depth at which the chain is believed.
        authorise_within_s: how long the new signer may take to be authorised, in chain time.
        began_at_s: chain time of the beginning.
        authorised_at_block: block that first showed the new signer authorised without a gap since.
        switched_at_s: chain time of the switch.
        expired_at_block: block that first showed the old signer's last order expired.
    """

    old: Address
    new: Address
    ttl_s: int
    confirmations: int
    began_at_s: int
    authorise_within_s: int = 86_400
    state: RotationState = RotationState.WAITING
    authorised_at_block: int | None = None
    switched_at_s: int | None = None
    expired_at_block: int | None = None

    def __post_init__(self) -> None:
        """Refuse a rotation to the same signer."""
        if self.old == self.new:
            raise InvalidInput(f"rotation: expected another signer than the present one, found {self.new}")

    @property
    def signer(self) -> Address:
        """Who signs now."""
        after = self.state in (RotationState.SWITCHED, RotationState.RETIRED)
        return self.new if after else self.old

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more happens."""
        return self.state in (RotationState.RETIRED, RotationState.ABANDONED)

    def seen(self, facts: RotationFacts) -> SignerRotation:
        """Return the rotation after a block; it never moves on by more than the facts prove."""
        if self.state is RotationState.WAITING or self.state is RotationState.OVERLAP:
            return self._before_switch(facts)
        if self.state is RotationState.SWITCHED:
            return self._after_switch(facts)
        return self

    def switch(self, facts: RotationFacts) -> SignerRotation:
        """Let the new signer sign from here on; raise InvalidInput unless both are valid now."""
        now = self.seen(facts)
        if now.state is not RotationState.OVERLAP:
            raise InvalidInput(f"rotation: expected both signers valid on chain, found it {now.state.value}")
        return replace(now, state=RotationState.SWITCHED, switched_at_s=facts.chain_time_s)

    def abandon(self) -> SignerRotation:
        """Stay with the old signer; raise InvalidInput once the new one signs."""
        if self.state not in (RotationState.WAITING, RotationState.OVERLAP):
            raise InvalidInput(f"rotation: expected one before the switch, found it {self.state.value}")
        return replace(self, state=RotationState.ABANDONED)

    def _before_switch(self, facts: RotationFacts) -> SignerRotation:
        if not facts.new_authorised:
            late = facts.chain_time_s > self.began_at_s + self.authorise_within_s
            if late or self.state is RotationState.OVERLAP:
                return replace(self, state=RotationState.ABANDONED)
            # A reorganisation may have taken it back.
            return replace(self, authorised_at_block=None)
        since = (
            facts.block if self.authorised_at_block is None else min(self.authorised_at_block, facts.block)
        )
        deep = facts.block - since >= self.confirmations
        state = RotationState.OVERLAP if deep else self.state
        return replace(self, authorised_at_block=since, state=state)

    def _after_switch(self, facts: RotationFacts) -> SignerRotation:
        assert self.switched_at_s is not None
        if facts.open_old > 0 or facts.chain_time_s <= self.switched_at_s + self.ttl_s:
            return replace(self, expired_at_block=None)
        since = facts.block if self.expired_at_block is None else min(self.expired_at_block, facts.block)
        retired = facts.block - since >= self.confirmations
        return replace(
            self, expired_at_block=since, state=RotationState.RETIRED if retired else RotationState.SWITCHED
        )
