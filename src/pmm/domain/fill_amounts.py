"""How much of each asset a fill moves: proportional to the order, rounded in the maker's favour.

``fill_amounts`` is 1inch's rule, ``settlement_fill_amounts`` ours, which adds decay and the smallest fill. Sources:
1inch/limit-order-protocol, contracts/OrderMixin.sol and libraries/AmountCalculatorLib.sol;
contracts/modules/AmountLib.sol and contracts/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain.orders import RfqOrder
from pmm.domain.taker_traits import TakerTraits
from pmm.domain.words import UINT256_MAX
from pmm.errors import InvalidInput

DECAY_UNIT = 1_000_000
"""Decay of a whole making amount: 0.01 bps a million times."""
MIN_FILL_UNIT = 255


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


def effective_making_amount_down(order: RfqOrder, now_s: int) -> int:
    """Return what the whole order gives at block time ``now_s`` on our own domain, decay taken off.

    Rounded down, in the maker's favour; InvalidInput past 256 bits.
    """
    decay = order.traits.decay_centi_bps(now_s)
    if decay == 0:
        return order.making_amount
    return _product(order.making_amount, DECAY_UNIT - decay) // DECAY_UNIT


def smallest_making_amount_up(order: RfqOrder, effective_making_amount: int) -> int:
    """Return the smallest making amount that our own domain lets a fill have, rounded up; 0 without a limit."""
    return -(-_product(effective_making_amount, order.traits.min_fill_255ths) // MIN_FILL_UNIT)


def _product(left: int, right: int) -> int:
    product = left * right
    if product > UINT256_MAX:
        raise InvalidInput(
            f"amounts: {left} * {right} overflows 256 bits, which the contract refuses (AmountOverflow)"
        )
    return product


def fill_amounts(order: RfqOrder, amount: int, traits: TakerTraits) -> FillAmounts:
    """Return the amounts of a first fill with ``amount`` on 1inch, clipped to the order as the contract clips.

    Raises InvalidInput, naming the contract's error, when the threshold, a partial fill or a zero amount would
    make the fill revert.
    """
    if traits.maker_amount:
        making = min(amount, order.making_amount)
        taking = taking_amount_up(order, making)
        # The taker's limit is a price, threshold per amount, so it shrinks with the fill when that is clipped.
        if traits.threshold and taking * amount > traits.threshold * making:
            raise _too_high(making, taking, amount, traits)
    else:
        taking, making = amount, making_amount_down(order, amount)
        if making > order.making_amount:
            making = order.making_amount
            taking = taking_amount_up(order, making)
        if traits.threshold and making * amount < traits.threshold * taking:
            raise _too_low(making, taking, amount, traits)
    if order.traits.no_partial_fills and making != order.making_amount:
        raise InvalidInput(f"PartialFillNotAllowed: {making} of {order.making_amount} base units")
    if making == 0 or taking == 0:
        raise InvalidInput(f"SwapWithZeroAmount: the fill would move {making} against {taking} base units")
    return FillAmounts(making_amount=making, taking_amount=taking)


def settlement_fill_amounts(order: RfqOrder, amount: int, traits: TakerTraits, *, now_s: int) -> FillAmounts:
    """Return the amounts of a fill with ``amount`` on our own domain in a block of time ``now_s``.

    Every rule (the whole order, clipping, the smallest fill, all or nothing) speaks of the making amount that decay
    has left, against the signed taking amount. Raises InvalidInput, naming the contract's error, where it reverts.
    """
    whole = effective_making_amount_down(order, now_s)
    if traits.maker_amount:
        making = min(amount, whole)
        taking = order.taking_amount if making == whole else _price_up(making, order.taking_amount, whole)
        # The two sides may be equal only where nothing was clipped, and then there is no product to overflow.
        if traits.threshold and (
            taking > traits.threshold
            if amount == making
            else _product(taking, amount) > _product(traits.threshold, making)
        ):
            raise _too_high(making, taking, amount, traits)
    else:
        making, taking = _from_taking(order, whole, amount)
        if traits.threshold and (
            making < traits.threshold
            if amount == taking
            else _product(making, amount) < _product(traits.threshold, taking)
        ):
            raise _too_low(making, taking, amount, traits)
    # The contract tests the product of the two in 256 bits.
    if making * taking & UINT256_MAX == 0:
        raise InvalidInput(f"ZeroAmount: the fill would move {making} against {taking} base units")
    if making != whole:
        _require_partial(order, making, whole)
    return FillAmounts(making_amount=making, taking_amount=taking)


def _price_up(making: int, order_taking: int, whole: int) -> int:
    return -(-_product(making, order_taking) // whole)


def _from_taking(order: RfqOrder, whole: int, amount: int) -> tuple[int, int]:
    if amount == order.taking_amount:
        return whole, amount
    making = _product(amount, whole) // order.taking_amount
    return (whole, order.taking_amount) if making > whole else (making, amount)


def _require_partial(order: RfqOrder, making: int, whole: int) -> None:
    if order.traits.no_partial_fills:
        raise InvalidInput(f"PartialFill: {making} of {whole} base units of an all-or-nothing order")
    smallest = smallest_making_amount_up(order, whole)
    if making < smallest:
        raise InvalidInput(f"FillTooSmall: {making} base units, the order wants at least {smallest}")


def _too_high(making: int, taking: int, amount: int, traits: TakerTraits) -> InvalidInput:
    return InvalidInput(
        f"TakingAmountTooHigh: {taking} base units for {making} is over the threshold of "
        f"{traits.threshold} for {amount}"
    )


def _too_low(making: int, taking: int, amount: int, traits: TakerTraits) -> InvalidInput:
    return InvalidInput(
        f"MakingAmountTooLow: {making} base units for {taking} is under the threshold of "
        f"{traits.threshold} for {amount}"
    )
