"""The price of a negotiated trade, in the place of a pricing model: held against the fair value, not made from it."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import Decision, QuoteRequest, RefusalReason
from pmm.errors import InvalidInput
from pmm.execution.otc.trade import OtcTrade
from pmm.pricing import ModelInputs, ModelOffers, Offer, PricedAmounts, fair_value
from pmm.pricing.amount_text import amount_text
from pmm.pricing.components import ComponentName, PriceComponent, with_rounding
from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36
from pmm.pricing.funding_cost import cost_of

NEGOTIATED = "negotiated"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtcPolicy:
    """How far a negotiated price may be from the fair value, in bps of it.

    Attributes:
        max_loss_bps: the most that we give up against it.
        max_gain_bps: the most that the counterparty does; more is a slip of the pen.
    """

    max_loss_bps: int = 20
    max_gain_bps: int = 500

    def __post_init__(self) -> None:
        if not (0 <= self.max_loss_bps < 10_000 and 0 <= self.max_gain_bps < 10_000):
            raise InvalidInput(
                "otc: expected 0 to 9999 bps of loss and gain against the fair value, found "
                f"{self.max_loss_bps} and {self.max_gain_bps}"
            )


class NegotiatedPrice:
    """Offers exactly the amounts of a trade, out of inventory, or says why not."""

    name = NEGOTIATED

    def __init__(self, trade: OtcTrade, policy: OtcPolicy) -> None:
        self._trade, self._policy = trade, policy

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        """Return the one offer; refuse a price too far from the fair value, or more than the inventory has free.

        One base unit always stays behind, as for every quote from inventory.
        """
        trade = self._trade
        fair = fair_value(
            inputs.snapshot,
            maker_asset=trade.maker_asset,
            taker_asset=trade.taker_asset,
            rules=inputs.pair.fair,
        )
        if isinstance(fair, Decision):
            return fair
        worth_e36 = trade.taking_amount * fair.rate_e36
        edge_e36 = (worth_e36 - trade.making_amount * E36) * E36 // worth_e36
        refusal = self._far_from_fair(edge_e36)
        if refusal is not None:
            return refusal
        if trade.making_amount >= inputs.deliverable.free:
            return Decision.refuse(
                RefusalReason.INSUFFICIENT_INVENTORY,
                f"expected less than {amount_text(inputs.deliverable.free, trade.maker_asset)} from inventory, found "
                f"{amount_text(trade.making_amount, trade.maker_asset)}",
            )
        spread = PriceComponent(
            name=ComponentName.HALF_SPREAD, share_e36=edge_e36 // SHARE_PER_BPS_E36 * SHARE_PER_BPS_E36
        )
        breakdown = with_rounding(
            fair_rate_e36=fair.rate_e36,
            components=(spread,),
            spent_e36=spread.share_e36,
            making_amount=trade.making_amount,
            taking_amount=trade.taking_amount,
        )
        priced = PricedAmounts(
            making_amount=trade.making_amount, taking_amount=trade.taking_amount, breakdown=breakdown
        )
        offer = Offer(name=NEGOTIATED, priced=priced, cost=cost_of(breakdown))
        return ModelOffers(offers=(offer,), fair=fair)

    def _far_from_fair(self, edge_e36: int) -> Decision | None:
        policy = self._policy
        if -policy.max_loss_bps * SHARE_PER_BPS_E36 <= edge_e36 <= policy.max_gain_bps * SHARE_PER_BPS_E36:
            return None
        edge_bps = edge_e36 // SHARE_PER_BPS_E36
        return Decision.refuse(
            RefusalReason.PRICE_DEVIATION,
            f"expected a price between {policy.max_loss_bps} bps worse and {policy.max_gain_bps} bps better for us "
            f"than the fair value, found {edge_bps} bps; check both amounts and the direction, or negotiate anew",
        )
