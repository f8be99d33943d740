"""How much of each asset a fill moves: proportional to the order, rounded in the maker's favour.

Source: 1inch/limit-order-protocol, contracts/OrderMixin.sol and libraries/AmountCalculatorLib.sol; our settlement
computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain.orders import RfqOrder
from pmm.domain.taker_traits import TakerTraits
from pmm.domain.words import UINT256_MAX
from pmm.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class FillAmounts:
    """Base units that move in one fill."""

    making_amount: int
    taking_amount: int


def making_amount_down(order: RfqOrder, taking_amount: int) -> int:
    """Return what the maker gives for ``taking_amount``, rounded down; InvalidInput past 256 bits."""
    return _product(taking_amount, order.making_amount) // order.taking_amount


def taking_amount_up(order: RfqOrder, making_amount: int) -> int:
    """Return what the maker gets for ``making_amount``, rounded up; InvalidInput past 256 bits."""
    return -(-_product(making_amount, order.taking_amount) // order.making_amount)


def _product(left: int, right: int) -> int:
    product = left * right
    if product > UINT256_MAX:
        raise InvalidInput(f"amounts: {left} * {right} overflows 256 bits, which the contract refuses")
    return product


def fill_amounts(order: RfqOrder, amount: int, traits: TakerTraits) -> FillAmounts:
    """Return the amounts of a first fill with ``amount``, clipped to the order as the contract clips.

    Raises InvalidInput, naming the contract's error, when the threshold, a partial fill or a zero amount would
    make the fill revert.
    """
    if traits.maker_amount:
        making = min(amount, order.making_amount)
        taking = taking_amount_up(order, making)
        # The taker's limit is a price, threshold per amount, so it shrinks with the fill when that is clipped.
        if traits.threshold and taking * amount > traits.threshold * making:
            raise InvalidInput(
                f"TakingAmountTooHigh: {taking} base units for {making} is over the threshold of "
                f"{traits.threshold} for {amount}"
            )
    else:
        taking, making = amount, making_amount_down(order, amount)
        if making > order.making_amount:
            making = order.making_amount
            taking = taking_amount_up(order, making)
        if traits.threshold and making * amount < traits.threshold * taking:
            raise InvalidInput(
                f"MakingAmountTooLow: {making} base units for {taking} is under the threshold of "
                f"{traits.threshold} for {amount}"
            )
    if order.traits.no_partial_fills and making != order.making_amount:
        raise InvalidInput(f"PartialFillNotAllowed: {making} of {order.making_amount} base units")
    if making == 0 or taking == 0:
        raise InvalidInput(f"SwapWithZeroAmount: the fill would move {making} against {taking} base units")
    return FillAmounts(making_amount=making, taking_amount=taking)
