# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title DeltaHedger: opens, resizes and closes shorts and longs in one transaction
@license Apache-2.0
@author pmm
@notice A short borrows the asset, sells it and holds a stable token as collateral; a long borrows the stable token
        and holds the asset. Collateral and debt are LendingAccount's; this contract holds nothing between
        transactions. The funds come first: by a flash swap, where the Uniswap V3 pool pays out before it is paid,
        or by a Morpho Blue loan.

        Trusted: the settlement contract (roles, Chainlink values), LendingAccount, and that the constructor's other
        addresses are genuine. Not trusted: the operator with the desk's money (owner's limits on cost and notional,
        health floor), whoever calls a callback.

        How to stop it: guardian or owner call `stop`; LendingAccount's guardian functions shut it out as well.

        Invariants:
        INV-D1  Between transactions it holds no token of an operation it took part in, and no debt.
        INV-D2  A swap brings at least Chainlink's value of what is sold, less the owner's largest cost; without
                fresh feeds there is no swap.
        INV-D3  In any span of one window at most the owner's cap is swapped.
        INV-D4  A callback acts only for the caller, token, amount and data that the open ticket names, once.
        INV-D5  What an operation gains goes to LendingAccount or the settlement contract.
        INV-D6  No allowance outlives the transaction that gave it.
"""
from ethereum.ercs import IERC20

from .interfaces import IDesk
from .interfaces import ILendingAccount
from .interfaces import IMorphoBlue
from .modules import callback_ticket
from .modules import token_moves
from .modules import uniswap_v3
from .modules.lending import delta_errors
from .modules.lending import delta_limits
from .modules.lending import pool_swap
from .modules.lending import resolver_fill

initializes: callback_ticket
initializes: uniswap_v3
initializes: delta_limits
initializes: pool_swap[callback_ticket := callback_ticket, uniswap_v3 := uniswap_v3]
initializes: resolver_fill[callback_ticket := callback_ticket, pool_swap := pool_swap]

exports: (resolver_fill.ONEINCH_ROUTER, resolver_fill.resolve, resolver_fill.takerInteraction)

# @notice Means the whole position.
_ALL: constant(uint256) = max_value(uint256)

# The plan word of an operation:
# | bits    | meaning                                                    |
# |---------|------------------------------------------------------------|
# | 248-255 | source of funds: 1 Uniswap V3 flash swap, 2 Morpho Blue loan |
# | 224-247 | fee tier of the Uniswap V3 pool, 1e-6                       |
# | 216-223 | lending market: 1 Aave V3, 2 Compound V2                    |
# | 128-215 | zero                                                       |
# | 0-127   | lowest health factor after it, wad; the floor of the owner holds where it is higher |
_FLASH_SWAP: constant(uint256) = 1
_MORPHO_LOAN: constant(uint256) = 2
_PLAN_RESERVED: constant(uint256) = (2**88 - 1) << 128
# Set in those zero bits while an operation runs; 129 and 131 are pool_swap's.
_REDUCES: constant(uint256) = 1 << 128
_WHOLE: constant(uint256) = 1 << 130

SETTLEMENT: public(immutable(address))
LENDING_ACCOUNT: public(immutable(address))
UNISWAP_V3_FACTORY: public(immutable(address))
MORPHO_BLUE: public(immutable(address))
# @notice The token in which notional is counted.
UNIT_TOKEN: public(immutable(address))

# WETH and its variable debt token on Aave V3, which a lending account fixes for good.
_WETH: immutable(address)
_WETH_DEBT: immutable(address)
_AAVE_V3: constant(uint256) = 1


# @dev Travels through Morpho as six words. The margin is to be supplied where the position grows; sold is debt where
# it grows, collateral where it shrinks.
struct LoanTrade:
    trade: pool_swap.Trade
    limit: uint256


@deploy
def __init__(
    settlement: address,
    lending_account: address,
    uniswap_v3_factory: address,
    morpho_blue: address,
    oneinch_router: address,
    unit_token: address,
):
    for account: address in [
        settlement, lending_account, uniswap_v3_factory, morpho_blue, oneinch_router, unit_token
    ]:
        if not account.is_contract:
            delta_errors._not_a_contract(account)
    if staticcall ILendingAccount(lending_account).SETTLEMENT() != settlement:
        delta_errors._foreign_account(lending_account)
    SETTLEMENT = settlement
    LENDING_ACCOUNT = lending_account
    UNISWAP_V3_FACTORY = uniswap_v3_factory
    MORPHO_BLUE = morpho_blue
    _WETH = staticcall ILendingAccount(lending_account).WETH()
    _WETH_DEBT = staticcall ILendingAccount(lending_account).AAVE_WETH_DEBT()
    UNIT_TOKEN = unit_token
    uniswap_v3.__init__(uniswap_v3_factory)
    resolver_fill.__init__(settlement, oneinch_router)


# ---------------------------------------------------------------------------------------------------- operator


@external
def openShort(asset: address, stable: address, amount: uint256, min_proceeds: uint256, margin: uint256, plan: uint256):
    """
    @notice Borrow and sell `amount` of the asset; proceeds and margin become collateral. Opens or grows a short.
    @param margin Stable tokens that lie in LendingAccount already; may be zero.
    """
    self._admit(plan)
    trade: pool_swap.Trade = pool_swap.Trade(sold=asset, bought=stable, amount=amount, margin=margin, terms=plan | pool_swap.EXACT_INPUT)
    self._run(trade, min_proceeds)


@external
def closeShort(asset: address, stable: address, amount: uint256, max_cost: uint256, plan: uint256):
    """
    @notice Buy and repay `amount` of the asset out of the collateral. The highest integer closes the short:
            everything is repaid and all collateral in the stable token goes to the settlement contract.
    """
    self._admit(plan)
    trade: pool_swap.Trade = pool_swap.Trade(sold=stable, bought=asset, amount=amount, margin=0, terms=plan | _REDUCES)
    if amount == _ALL:
        trade.amount = self._debt(plan, asset)
        trade.terms |= _WHOLE
    self._run(trade, max_cost)


@external
def openLong(asset: address, stable: address, amount: uint256, max_cost: uint256, margin: uint256, plan: uint256):
    """
    @notice Buy `amount` of the asset with borrowed stable tokens; what is bought and the margin become collateral.
            Opens or grows a long.
    @param margin Units of the asset that lie in LendingAccount already; may be zero.
    """
    self._admit(plan)
    trade: pool_swap.Trade = pool_swap.Trade(sold=stable, bought=asset, amount=amount, margin=margin, terms=plan)
    self._run(trade, max_cost)


@external
def closeLong(asset: address, stable: address, amount: uint256, limit: uint256, plan: uint256):
    """
    @notice Sell `amount` of the asset and repay with the proceeds, at least `limit`. The highest integer closes
            the long: it sells what repaying everything takes, at most `limit`, and the rest of the asset goes to
            the settlement contract.
    """
    self._admit(plan)
    trade: pool_swap.Trade = pool_swap.Trade(sold=asset, bought=stable, amount=amount, margin=0, terms=plan | _REDUCES)
    if amount == _ALL:
        trade.amount = self._debt(plan, stable)
        trade.terms |= _WHOLE
    else:
        trade.terms |= pool_swap.EXACT_INPUT
    self._run(trade, limit)


@external
def sweep(token: address) -> uint256:
    """
    @notice Send all of `token` that lies here to the settlement contract. Anyone may call, between operations.
    @return What was sent.
    """
    held: uint256 = token_moves._held(token)
    if held != 0:
        token_moves._send(token, SETTLEMENT, held)
    return held


# ------------------------------------------------------------------------------------------ owner and guardian


@external
def setLimits(max_cost_bps: uint256, cap: uint256, window_s: uint256):
    """
    @notice Set the largest cost of a swap and the most notional of any window. Owner.
    @param max_cost_bps Against Chainlink, pool fee included; at most 4,095.
    @param cap Base units of the unit token, at most 2**64 - 1; zero refuses every swap.
    @param window_s Seconds, at most 2**20 - 1.
    """
    if msg.sender != staticcall IDesk(SETTLEMENT).owner():
        delta_errors._unauthorised(msg.sender)
    delta_limits._set(max_cost_bps, cap, window_s)


@external
def stop():
    """
    @notice Refuse every swap until the owner sets limits again. Guardian or owner.
    """
    if msg.sender != staticcall IDesk(SETTLEMENT).guardian():
        if msg.sender != staticcall IDesk(SETTLEMENT).owner():
            delta_errors._unauthorised(msg.sender)
    delta_limits._stop()


@external
@view
def limits() -> (uint256, uint256, uint256, uint256, uint256):
    """
    @return Largest cost in bps, cap, seconds of a window, notional of this window and of the one before.
    """
    return delta_limits._state()


# --------------------------------------------------------------------------------------------------- callbacks


@external
@reentrant
def uniswapV3SwapCallback(amount0_delta: int256, amount1_delta: int256, data: Bytes[160]):
    """
    @notice The pool has paid out: change the position and pay the pool.
    """
    trade: pool_swap.Trade = abi_decode(data, pool_swap.Trade)
    pool_swap._redeem(trade, keccak256(data))
    # What the pool asks for is positive, what it has paid negative.
    sold: uint256 = convert(max(amount0_delta, amount1_delta), uint256)
    bought: uint256 = convert(unsafe_sub(0, min(amount0_delta, amount1_delta)), uint256)
    if trade.terms & pool_swap.PAYS_FROM_HERE != 0:
        token_moves._send(trade.sold, msg.sender, sold)
    else:
        self._change_position(trade, sold, bought, msg.sender)


@external
@reentrant
def onMorphoFlashLoan(assets: uint256, data: Bytes[192]):
    """
    @notice Swap what was lent, change the position, and let Morpho pull its loan back. It charges no fee.
    """
    loan: LoanTrade = abi_decode(data, LoanTrade)
    trade: pool_swap.Trade = loan.trade
    growing: bool = trade.terms & _REDUCES == 0
    token: address = trade.sold if growing else trade.bought
    callback_ticket._redeem(msg.sender, token, assets, keccak256(data))
    sold: uint256 = 0
    bought: uint256 = 0
    if growing:
        sold, bought = self._swap(trade, LENDING_ACCOUNT, loan.limit)
        self._change_position(trade, sold, bought, self)
    else:
        # What is withdrawn is sold after it has been repaid: the account pays as much as may be sold.
        exact: bool = trade.terms & pool_swap.EXACT_INPUT != 0
        token_moves._send(token, LENDING_ACCOUNT, assets)
        self._change_position(trade, trade.amount if exact else loan.limit, assets, self)
        self._swap(trade, self, loan.limit)
    token_moves._approve_exactly(token, msg.sender, assets)


# ---------------------------------------------------------------------------------------------------- internal


@internal
def _run(trade: pool_swap.Trade, limit: uint256):
    """
    @dev Take the funds; the callbacks change the position and pay. With a loan, what is left of it goes to the
         settlement contract.
    """
    if trade.terms >> 248 == _FLASH_SWAP:
        self._swap(trade, LENDING_ACCOUNT, limit)
    else:
        self._run_on_loan(trade, limit)


@internal
def _run_on_loan(operation: pool_swap.Trade, limit: uint256):
    """
    @dev Lent is what the swap sells where the position grows, what is repaid where it shrinks; where that is not
         known beforehand, the operator's limit, which the swap keeps.
    """
    trade: pool_swap.Trade = operation
    trade.terms |= pool_swap.PAYS_FROM_HERE
    growing: bool = trade.terms & _REDUCES == 0
    exact_input: bool = trade.terms & pool_swap.EXACT_INPUT != 0
    amount: uint256 = trade.amount if growing == exact_input else limit
    token: address = trade.sold if growing else trade.bought
    data: Bytes[192] = abi_encode(LoanTrade(trade=trade, limit=limit))
    sold_before: uint256 = token_moves._held(trade.sold)
    bought_before: uint256 = token_moves._held(trade.bought)
    callback_ticket._open(MORPHO_BLUE, token, amount, keccak256(data))
    extcall IMorphoBlue(MORPHO_BLUE).flashLoan(token, amount, data)
    callback_ticket._require_redeemed(MORPHO_BLUE)
    self._hand_over(trade.sold, sold_before)
    self._hand_over(trade.bought, bought_before)


@internal
def _swap(trade: pool_swap.Trade, receiver: address, limit: uint256) -> (uint256, uint256):
    """
    @dev Swap on the pool of the plan, and hold what it did against the operator's limit, Chainlink and the cap.
    @return What was sold and bought.
    """
    sold: uint256 = 0
    bought: uint256 = 0
    sold, bought = pool_swap._swap(trade, receiver)
    if trade.terms & pool_swap.EXACT_INPUT == 0:
        if sold > limit:
            delta_errors._limit_exceeded(sold, bought, limit)
    elif bought < limit:
        delta_errors._limit_exceeded(sold, bought, limit)
    # The settlement contract reverts without fresh feeds of both tokens.
    fair: uint256 = staticcall IDesk(SETTLEMENT).fairTakingAmount(trade.sold, trade.bought, sold)
    notional: uint256 = fair
    if trade.sold == UNIT_TOKEN:
        notional = sold
    elif trade.bought != UNIT_TOKEN:
        notional = staticcall IDesk(SETTLEMENT).fairTakingAmount(trade.sold, UNIT_TOKEN, sold)
    delta_limits._consume(notional, fair, bought)
    return sold, bought


@internal
def _change_position(trade: pool_swap.Trade, sold: uint256, bought: uint256, payee: address):
    """
    @dev What was bought is in LendingAccount; `sold` is what the payee must get.
    """
    market: uint256 = (trade.terms >> 216) & 255
    min_health: uint256 = trade.terms & (2**128 - 1)
    if trade.terms & _REDUCES == 0:
        extcall ILendingAccount(LENDING_ACCOUNT).enlarge(
            market, trade.bought, bought + trade.margin, trade.sold, sold, payee, min_health
        )
        return
    if trade.terms & _WHOLE == 0:
        debt: uint256 = self._debt(trade.terms, trade.bought)
        if bought > debt:
            delta_errors._repays_too_much(bought, debt)
    withdrawn: uint256 = _ALL if trade.terms & _WHOLE != 0 else sold
    extcall ILendingAccount(LENDING_ACCOUNT).reduce(
        market, trade.bought, bought, trade.sold, withdrawn, payee, sold, min_health
    )


@internal
def _debt(plan: uint256, token: address) -> uint256:
    """
    @dev With interest up to this block. Debt in WETH on Aave, the usual one, is read where it stands.
    """
    market: uint256 = (plan >> 216) & 255
    if market == _AAVE_V3 and token == _WETH:
        return staticcall IERC20(_WETH_DEBT).balanceOf(LENDING_ACCOUNT)
    return extcall ILendingAccount(LENDING_ACCOUNT).debtOf(market, token)


@internal
def _hand_over(token: address, before: uint256):
    """
    @dev Send what an operation left here to the settlement contract, and what lay here before with it.
    """
    held: uint256 = token_moves._held(token)
    if held > before:
        token_moves._send(token, SETTLEMENT, held)


@internal
@view
def _admit(plan: uint256):
    """
    @dev Raises Unauthorised unless the operator calls, InvalidPlan for a plan that is none.
    """
    if msg.sender != staticcall IDesk(SETTLEMENT).operator():
        delta_errors._unauthorised(msg.sender)
    source: uint256 = plan >> 248
    if source == 0 or source > _MORPHO_LOAN or plan & _PLAN_RESERVED != 0:
        delta_errors._invalid_plan(plan)
