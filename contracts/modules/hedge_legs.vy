# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Legs of a hedge: buying exactly what a fill owes, and selling inventory
@license Apache-2.0
@dev A purchase is paid by the taker, straight to whoever is owed, by the settlement contract's `collect`, which splits off
     the profit and refuses less than the signed minimum. Only a signed order and a V4 pool of ether are paid through here. A sale is paid with
     what was sent here for it. Each leg trades exactly the amount or reverts; none has a price limit of its own.
     Longer than 300 lines, so that each swap stands beside the callback that pays it.
"""
from ..interfaces import IOrderVenue
from ..interfaces import ITakerCollector
from ..interfaces import IUniswapV4PoolManager
from ..interfaces import IWETH9
from . import callback_ticket
from . import funding_plan
from . import hedger_errors
from . import token_moves
from . import uniswap_v2
from . import uniswap_v3
from . import uniswap_v4

uses: callback_ticket
uses: uniswap_v2
uses: uniswap_v3
uses: uniswap_v4

# 1inch's TakerTraits: the amount is the making amount, the low bits hold the most it may cost.
_MAKING_AMOUNT: constant(uint256) = 1 << 255
_HOP_LENGTH: constant(uint256) = 23

# The cursor of a V3 swap: offset of the next hop in the path, or one of these.
_TAKER_PAYS: constant(uint256) = 0
_PAYS_FROM_HERE: constant(uint256) = 255

_SETTLEMENT: immutable(address)
_WETH: immutable(address)
_ORDER_VENUE: immutable(address)

# What stands behind the plan word, for the transaction: hops of fee (3 bytes) and token in (20), from what is bought back
# to what is sold; or the signed order.
_path: transient(Bytes[69])
_order: transient(Bytes[320])


# @dev Token in and cursor travel through the pool in one word.
struct V3Swap:
    token_in: address
    token_out: address
    # Of `token_in` where it pays from here, else of `token_out`.
    amount: uint256
    cursor: uint256


# @dev Travels through a V2 pair as four words.
struct V2Swap:
    token_out: address
    amount_out: uint256
    recipient: address
    cost: uint256


# @dev Travels through the V4 manager as six words.
struct V4Swap:
    token_in: address
    token_out: address
    amount: uint256
    recipient: address
    plan: uint256
    sells: bool


@deploy
def __init__(settlement: address, weth: address, order_venue: address):
    _SETTLEMENT = settlement
    _WETH = weth
    _ORDER_VENUE = order_venue


# ----------------------------------------------------------------------------------------------------- entries


@internal
def _keep_route(plan: uint256, route: Bytes[340], token_in: address) -> address:
    """
    @dev Keeps the route for the leg. Raises InvalidRoute unless it is what the plan asks for.
    @return The lender of ERC-3156, which stands before the leg's part; else zero.
    """
    lender: address = empty(address)
    start: uint256 = 0
    if plan >> 248 == funding_plan.ERC3156_LOAN:
        start = 20
        if len(route) < start:
            hedger_errors._invalid_route(start, len(route))
        lender = convert(slice(route, 0, 20), address)
    length: uint256 = len(route) - start
    funding_plan._require_route(plan, length)
    if length == 320:
        self._order = slice(route, start, 320)
    elif length == 26:
        self._path = concat(slice(route, start, 26), convert(token_in, bytes20))
    elif length == 49:
        self._path = concat(slice(route, start, 49), convert(token_in, bytes20))
    return lender


@internal
def _buy(plan: uint256, token_in: address, token_out: address, amount_out: uint256, recipient: address):
    """
    @dev Buy exactly, on the leg of the plan; the taker pays.
    """
    leg: uint256 = (plan >> 192) & 255
    if leg == funding_plan.LEG_V3:
        self._swap_on_v3(
            V3Swap(token_in=token_in, token_out=token_out, amount=amount_out, cursor=_TAKER_PAYS),
            (plan >> 224) & (2**24 - 1),
            recipient,
        )
    elif leg == funding_plan.LEG_V3_PATH:
        self._buy_on_path(token_out, amount_out, recipient)
    elif leg == funding_plan.LEG_V2:
        pair: address = uniswap_v2._pair(token_in, token_out)
        cost: uint256 = uniswap_v2._amount_in_up(pair, token_in, token_out, amount_out)
        extcall ITakerCollector(_SETTLEMENT).collect(pair, cost, skip_contract_check=True)
        uniswap_v2._pay_out(pair, token_in, token_out, amount_out, recipient, b"")
    elif leg == funding_plan.LEG_V4:
        self._swap_on_v4(
            V4Swap(
                token_in=token_in, token_out=token_out, amount=amount_out, recipient=recipient, plan=plan, sells=False
            )
        )
    else:
        self._buy_by_order(token_in, token_out, amount_out, recipient)


@internal
def _buy_on_path(token_out: address, amount_out: uint256, recipient: address):
    path: Bytes[69] = self._path
    self._swap_on_v3(
        V3Swap(token_in=self._token_at(path, 0), token_out=token_out, amount=amount_out, cursor=_HOP_LENGTH),
        self._fee_at(path, 0),
        recipient,
    )


@internal
def _flash_on_v2(token_in: address, token_out: address, amount_out: uint256, recipient: address):
    """
    @dev The pair pays out here, because it calls back whom it pays; `uniswapV2Call` does the rest.
    """
    pair: address = uniswap_v2._pair(token_in, token_out)
    cost: uint256 = uniswap_v2._amount_in_up(pair, token_in, token_out, amount_out)
    data: Bytes[128] = abi_encode(
        V2Swap(token_out=token_out, amount_out=amount_out, recipient=recipient, cost=cost)
    )
    callback_ticket._open(pair, token_out, amount_out, keccak256(data))
    uniswap_v2._pay_out(pair, token_in, token_out, amount_out, self, data)
    callback_ticket._require_redeemed(pair)


@internal
def _buy_by_order(token_in: address, token_out: address, amount_out: uint256, recipient: address):
    """
    @dev Fill the signed order for exactly `amount_out`. Raises ForeignOrder, PoolTooShallow.
    """
    order: IOrderVenue.Order = empty(IOrderVenue.Order)
    r: bytes32 = empty(bytes32)
    vs: bytes32 = empty(bytes32)
    order, r, vs = abi_decode(self._order, (IOrderVenue.Order, bytes32, bytes32))
    if order.makerAsset != convert(token_out, uint256) or order.takerAsset != convert(token_in, uint256):
        hedger_errors._foreign_order(order.makerAsset, order.takerAsset)
    if amount_out > order.makingAmount:
        hedger_errors._pool_too_shallow(_ORDER_VENUE, amount_out, order.makingAmount)
    cost: uint256 = order.takingAmount
    if amount_out != order.makingAmount:
        # As 1inch rounds: up.
        cost = (amount_out * order.takingAmount + order.makingAmount - 1) // order.makingAmount
    extcall ITakerCollector(_SETTLEMENT).collect(self, cost, skip_contract_check=True)
    token_moves._approve_exactly(token_in, _ORDER_VENUE, cost)

    before: uint256 = token_moves._held(token_out)
    extcall IOrderVenue(_ORDER_VENUE).fillOrder(order, r, vs, amount_out, _MAKING_AMOUNT | cost)
    received: uint256 = token_moves._held(token_out) - before
    if received != amount_out:
        hedger_errors._pool_too_shallow(_ORDER_VENUE, amount_out, received)
    if recipient != self:
        token_moves._send(token_out, recipient, amount_out)


@internal
def _sell_on_v3(plan: uint256, token_in: address, token_out: address, amount_in: uint256) -> uint256:
    """
    @dev Sell exactly, on one pool or hop by hop along the path; the last pool pays the settlement contract. Every hop
         sells what the one before says that it paid: what else comes here meanwhile is not counted.
    @return What the last pool paid.
    """
    if funding_plan._leg(plan) == funding_plan.LEG_V3:
        return self._swap_on_v3(
            V3Swap(token_in=token_in, token_out=token_out, amount=amount_in, cursor=_PAYS_FROM_HERE),
            funding_plan._fee(plan),
            _SETTLEMENT,
        )
    path: Bytes[69] = self._path
    amount: uint256 = amount_in
    cursor: uint256 = len(path)
    for i: uint256 in range(3):
        if cursor == 0:
            break
        cursor -= _HOP_LENGTH
        bought: address = token_out
        recipient: address = _SETTLEMENT
        if cursor != 0:
            bought = self._token_at(path, cursor - _HOP_LENGTH)
            recipient = self
        amount = self._swap_on_v3(
            V3Swap(
                token_in=self._token_at(path, cursor), token_out=bought, amount=amount, cursor=_PAYS_FROM_HERE
            ),
            self._fee_at(path, cursor),
            recipient,
        )
    return amount


@internal
def _sell_on_v2(token_in: address, token_out: address, amount_in: uint256) -> uint256:
    pair: address = uniswap_v2._pair(token_in, token_out)
    amount_out: uint256 = uniswap_v2._amount_out_down(pair, token_in, token_out, amount_in)
    token_moves._send(token_in, pair, amount_in)
    uniswap_v2._pay_out(pair, token_in, token_out, amount_out, _SETTLEMENT, b"")
    return amount_out


@internal
def _swap_on_v4(swap: V4Swap) -> uint256:
    """
    @return What the manager credited and paid out.
    """
    data: Bytes[192] = abi_encode(swap)
    callback_ticket._open(uniswap_v4.MANAGER, swap.token_out, swap.amount, keccak256(data))
    answer: Bytes[32] = extcall IUniswapV4PoolManager(uniswap_v4.MANAGER).unlock(data)
    callback_ticket._require_redeemed(uniswap_v4.MANAGER)
    return convert(answer, uint256)


# --------------------------------------------------------------------------------------------------- callbacks


@external
@reentrant
def uniswapV3SwapCallback(amount0_delta: int256, amount1_delta: int256, data: Bytes[32]):
    """
    @notice Pay the pool, which has already paid out: out of here, by the next pool of the path, or by the taker.
            `_swap_on_v3` holds the pool's answer against the amount.
    """
    word: uint256 = convert(data, uint256)
    cursor: uint256 = word >> 160
    token_in: address = convert(word & convert(max_value(uint160), uint256), address)
    callback_ticket._redeem(msg.sender, token_in, 0, convert(word, bytes32))
    # One is what the pool is owed, the other is negative.
    owed: uint256 = convert(max(amount0_delta, amount1_delta), uint256)

    if cursor == _TAKER_PAYS:
        extcall ITakerCollector(_SETTLEMENT).collect(msg.sender, owed, skip_contract_check=True)
    elif cursor == _PAYS_FROM_HERE:
        token_moves._send(token_in, msg.sender, owed)
    else:
        path: Bytes[69] = self._path
        next: uint256 = cursor + _HOP_LENGTH
        self._swap_on_v3(
            V3Swap(
                token_in=self._token_at(path, cursor),
                token_out=token_in,
                amount=owed,
                cursor=_TAKER_PAYS if next == len(path) else next,
            ),
            self._fee_at(path, cursor),
            msg.sender,
        )


@external
@reentrant
def uniswapV2Call(sender: address, amount0: uint256, amount1: uint256, data: Bytes[128]):
    """
    @notice The pair has paid out here: deliver, then have the taker pay it. Anybody can make a pair call us.
    """
    if sender != self:
        hedger_errors._unexpected_initiator(sender)
    swap: V2Swap = abi_decode(data, V2Swap)
    callback_ticket._redeem(msg.sender, swap.token_out, amount0 + amount1, keccak256(data))
    token_moves._send(swap.token_out, swap.recipient, swap.amount_out)
    extcall ITakerCollector(_SETTLEMENT).collect(msg.sender, swap.cost, skip_contract_check=True)


@external
@reentrant
def unlockCallback(data: Bytes[192]) -> Bytes[32]:
    """
    @notice Swap on the V4 manager, take what is bought and settle what is owed.
    @return What was taken, one word; the manager hands it back to whoever unlocked it.
    """
    swap: V4Swap = abi_decode(data, V4Swap)
    callback_ticket._redeem(msg.sender, swap.token_out, swap.amount, keccak256(data))
    currency_in: address = uniswap_v4._currency(swap.token_in, swap.plan)
    currency_out: address = uniswap_v4._currency(swap.token_out, swap.plan)
    specified: int256 = convert(swap.amount, int256)
    owed: uint256 = 0
    credited: uint256 = 0
    owed, credited = uniswap_v4._swap(currency_in, currency_out, -specified if swap.sells else specified, swap.plan)

    # 1. What is bought, as a token.
    manager: IUniswapV4PoolManager = IUniswapV4PoolManager(msg.sender)
    if currency_out == empty(address):
        extcall manager.take(currency_out, self, credited)
        extcall IWETH9(_WETH).deposit(value=credited)
        token_moves._send(_WETH, swap.recipient, credited)
    else:
        extcall manager.take(currency_out, swap.recipient, credited)

    # 2. What is owed.
    if currency_in == empty(address):
        if not swap.sells:
            extcall ITakerCollector(_SETTLEMENT).collect(self, owed, skip_contract_check=True)
        extcall IWETH9(_WETH).withdraw(owed)
        # A taker may have left the manager synced to a token, which then takes no ether.
        extcall manager.sync(empty(address))
        extcall manager.settle(value=owed)
        return abi_encode(credited)
    extcall manager.sync(currency_in)
    if swap.sells:
        token_moves._send(currency_in, msg.sender, owed)
    else:
        extcall ITakerCollector(_SETTLEMENT).collect(msg.sender, owed, skip_contract_check=True)
    extcall manager.settle()
    return abi_encode(credited)


@external
@payable
@reentrant
def __default__():
    """
    @notice Ether comes from unwrapping and from the V4 manager only.
    """
    if msg.sender != _WETH and msg.sender != uniswap_v4.MANAGER:
        hedger_errors._unexpected_ether(msg.sender)


# ---------------------------------------------------------------------------------------------------- internal


@internal
def _swap_on_v3(swap: V3Swap, fee: uint256, recipient: address) -> uint256:
    """
    @dev Open a ticket for the pool and swap: the pool pays the recipient, `uniswapV3SwapCallback` has it paid. A pool of
         the factory always calls back, so that the ticket needs no second look.
    @return What the pool paid.
    """
    pool: address = empty(address)
    zero_for_one: bool = False
    pool, zero_for_one = uniswap_v3._pool(swap.token_in, swap.token_out, fee)
    word: uint256 = convert(swap.token_in, uint256) | (swap.cursor << 160)
    callback_ticket._open(pool, swap.token_in, 0, convert(word, bytes32))
    sells: bool = swap.cursor == _PAYS_FROM_HERE
    amount: int256 = convert(swap.amount, int256)
    owed: uint256 = 0
    paid_out: uint256 = 0
    owed, paid_out = uniswap_v3._swap(
        pool,
        recipient,
        zero_for_one,
        amount if sells else -amount,
        word,
    )
    traded: uint256 = owed if sells else paid_out
    if traded != swap.amount:
        hedger_errors._pool_too_shallow(pool, swap.amount, traded)
    return paid_out


@internal
@pure
def _fee_at(path: Bytes[69], cursor: uint256) -> uint256:
    return convert(slice(path, cursor, 3), uint256)


@internal
@pure
def _token_at(path: Bytes[69], cursor: uint256) -> address:
    return convert(slice(path, cursor + 3, 20), address)
