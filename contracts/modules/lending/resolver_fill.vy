# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Fills a taker-signed 1inch order out of its own maker asset
@license Apache-2.0
@dev 1inch's contract sends us what the signer gives, calls `takerInteraction`, and then pulls what the signer wants.
     In between all of the former is sold on a Uniswap V3 pool. No funds of the desk are at stake: either the
     order itself leaves the operator's minimum profit, or everything reverts. Hence neither feed nor cap.
"""
from ...interfaces import IDesk
from ...interfaces import IOneInchRouter
from .. import callback_ticket
from .. import token_moves
from . import delta_errors
from . import pool_swap

uses: callback_ticket
uses: pool_swap

# TakerTraits of 1inch: the amount is the making amount; lengths of extension and interaction.
_MAKING_AMOUNT: constant(uint256) = 1 << 255
_EXTENSION_LENGTH_AT: constant(uint256) = 224
_INTERACTION_LENGTH_AT: constant(uint256) = 200
# Our address, and 64 bytes of data.
_INTERACTION_LENGTH: constant(uint256) = 84
_ADDRESS_MASK: constant(uint256) = 2**160 - 1

ONEINCH_ROUTER: public(immutable(address))
_SETTLEMENT: immutable(address)


@deploy
def __init__(settlement: address, oneinch_router: address):
    _SETTLEMENT = settlement
    ONEINCH_ROUTER = oneinch_router


@external
def resolve(
    order: IOneInchRouter.Order,
    r: bytes32,
    vs: bytes32,
    amount: uint256,
    extension: Bytes[1024],
    fee: uint256,
    minimum_profit: uint256,
) -> uint256:
    """
    @notice Fill `amount` (making amount) of an order that an account without code has signed for 1inch's contract.
            The profit, in the order's taker asset, goes to the settlement contract. Operator.
    @param extension The order's own, empty if it has none.
    @param fee Fee tier of the Uniswap V3 pool, 1e-6.
    @param minimum_profit Base units of the order's taker asset.
    @return The profit, without anything that lay here before.
    """
    if msg.sender != staticcall IDesk(_SETTLEMENT).operator():
        delta_errors._unauthorised(msg.sender)
    maker_asset: address = self._address(order.makerAsset)
    taker_asset: address = self._address(order.takerAsset)
    before: uint256 = token_moves._held(taker_asset)
    data: Bytes[64] = abi_encode(fee, minimum_profit)
    callback_ticket._open(ONEINCH_ROUTER, maker_asset, amount, keccak256(data))
    extcall IOneInchRouter(ONEINCH_ROUTER).fillOrderArgs(
        order,
        r,
        vs,
        amount,
        (
            _MAKING_AMOUNT
            | (len(extension) << _EXTENSION_LENGTH_AT)
            | (_INTERACTION_LENGTH << _INTERACTION_LENGTH_AT)
        ),
        concat(extension, convert(self, bytes20), data),
    )
    callback_ticket._require_redeemed(ONEINCH_ROUTER)

    held: uint256 = token_moves._held(taker_asset)
    if held < before + minimum_profit:
        delta_errors._profit_too_low(held, before + minimum_profit)
    if held != 0:
        token_moves._send(taker_asset, _SETTLEMENT, held)
    return held - before


@external
@reentrant
def takerInteraction(
    order: IOneInchRouter.Order,
    extension: Bytes[1024],
    order_hash: bytes32,
    taker: address,
    making_amount: uint256,
    taking_amount: uint256,
    remaining_making_amount: uint256,
    data: Bytes[64],
):
    """
    @notice 1inch's contract has sent the maker asset and will pull the taker asset.
    """
    if taker != self:
        delta_errors._foreign_taker(taker)
    maker_asset: address = self._address(order.makerAsset)
    taker_asset: address = self._address(order.takerAsset)
    callback_ticket._redeem(msg.sender, maker_asset, making_amount, keccak256(data))
    fee: uint256 = 0
    minimum_profit: uint256 = 0
    fee, minimum_profit = abi_decode(data, (uint256, uint256))
    sold: uint256 = 0
    bought: uint256 = 0
    sold, bought = pool_swap._swap(
        pool_swap.Trade(
            sold=maker_asset,
            bought=taker_asset,
            amount=making_amount,
            margin=0,
            terms=(fee << 224) | pool_swap.EXACT_INPUT | pool_swap.PAYS_FROM_HERE,
        ),
        self,
    )
    if bought < taking_amount + minimum_profit:
        delta_errors._profit_too_low(bought, taking_amount + minimum_profit)
    token_moves._approve_exactly(taker_asset, msg.sender, taking_amount)


@internal
@pure
def _address(word: uint256) -> address:
    return convert(word & _ADDRESS_MASK, address)
