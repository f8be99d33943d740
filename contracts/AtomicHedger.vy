# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title AtomicHedger: pays a fill out of borrowed funds and closes the position in the same transaction
@license Apache-2.0
@author pmm
@notice The maker sells what it does not hold. RfqSettlement hands a signed fill to `fundFill`; this contract
        obtains the maker asset, delivers it, has the settlement contract collect the taker's payment, buys back
        what it owes on Uniswap V3, repays, and sends every unit left over to the settlement contract.

        Trusted: the settlement contract (it alone may call `fundFill`; it checks order, signature, plan and
        taker), and that the addresses given to the constructor are the genuine Uniswap V3 factory, Morpho Blue,
        Balancer V2 vault and Aave V3 pool. Not trusted: taker, receiver, whoever calls a callback, whoever sends
        tokens here. Tokens are those that the settlement contract registers: no fee on transfer, no rebasing;
        no return value is fine. Nobody approves this contract, and it has no owner and no setting.

        How to stop it: it acts only for the settlement contract, so pausing the signers there stops it (guardian
        or owner). It holds nothing to rescue; `sweep` sends stray tokens to the settlement contract.

        Invariants:
        INV-H1  Between transactions it holds none of the two assets of any fill it took part in.
        INV-H2  `fundFill` succeeds only if the taker asset it gained from this fill alone is at least the signed
                minimum; funds that lay here before neither add to the profit nor make up for a loss.
        INV-H3  The receiver is sent exactly the making amount, before the taker pays.
        INV-H4  A callback acts only for the caller, token, amount and data that the open ticket names, once.
        INV-H5  No allowance outlives the transaction that gave it.
        INV-H6  Whatever leaves goes to the receiver, the authenticated pool, the lender of the ticket, or the
                settlement contract.

        Callbacks run while `fundFill` holds the lock, hence `@reentrant`. What each lender gives to check:

        | callback               | caller                | token     | amount            | data     | initiator |
        |------------------------|-----------------------|-----------|-------------------|----------|-----------|
        | uniswapV3SwapCallback  | ticket, CREATE2 pool  | from data | from data, = paid | hash     | not given |
        | onMorphoFlashLoan      | ticket, Morpho Blue   | from data | argument          | hash     | not given |
        | receiveFlashLoan       | ticket, Balancer vault| argument  | argument          | hash     | not given |
        | executeOperation       | ticket, Aave pool     | argument  | argument          | hash     | = self    |

        A fee or premium cannot be known beforehand: it raises the cost, which the minimum profit bounds.
"""
from .interfaces import IAaveV3Pool
from .interfaces import IBalancerV2Vault
from .interfaces import IMorphoBlue
from .interfaces import ITakerCollector
from .modules import callback_ticket
from .modules import funding_plan
from .modules import hedger_errors
from .modules import token_moves
from .modules import uniswap_v3

initializes: callback_ticket
initializes: uniswap_v3

# @notice Largest amount that fits the signed amounts of Uniswap V3, less the one unit of headroom of a loan.
_MAX_AMOUNT: constant(uint256) = 2**255 - 2

# @notice In the conditions of a swap: the taker has not paid yet.
_TAKER_PAYS: constant(uint256) = 1 << 255

SETTLEMENT: public(immutable(address))
UNISWAP_V3_FACTORY: public(immutable(address))
MORPHO_BLUE: public(immutable(address))
BALANCER_V2_VAULT: public(immutable(address))
AAVE_V3_POOL: public(immutable(address))


# @dev One fill; travels through a lender as seven words.
struct FillTerms:
    receiver: address
    maker_asset: address
    taker_asset: address
    making_amount: uint256
    taking_amount: uint256
    minimum_profit: uint256
    pool: address


# @dev What the swap callback needs of a fill; travels through the pool as five words.
struct SwapTerms:
    taker_asset: address
    maker_asset: address
    amount_out: uint256
    taking_amount: uint256
    # The minimum profit, and _TAKER_PAYS.
    conditions: uint256


@deploy
def __init__(
    settlement: address,
    uniswap_v3_factory: address,
    morpho_blue: address,
    balancer_v2_vault: address,
    aave_v3_pool: address,
):
    for account: address in [settlement, uniswap_v3_factory, morpho_blue, balancer_v2_vault, aave_v3_pool]:
        if not account.is_contract:
            hedger_errors._not_a_contract(account)
    SETTLEMENT = settlement
    UNISWAP_V3_FACTORY = uniswap_v3_factory
    MORPHO_BLUE = morpho_blue
    BALANCER_V2_VAULT = balancer_v2_vault
    AAVE_V3_POOL = aave_v3_pool
    uniswap_v3.__init__(uniswap_v3_factory)


@external
def fundFill(
    order_hash: bytes32,
    taker: address,
    receiver: address,
    maker_asset: address,
    taker_asset: address,
    making_amount: uint256,
    taking_amount: uint256,
    plan: uint256,
) -> uint256:
    """
    @notice Deliver `making_amount` of the maker asset to `receiver` and close the position. Settlement only.
    @dev 1. Check caller, receiver, amount and plan, and find the swap pool.
         2. Note what lies here already.
         3. Take the funds; the callbacks deliver, collect, swap and pay.
         4. Check that the lender called back and what this fill alone has gained.
         5. Send everything to the settlement contract.
    @param order_hash Not used here: the settlement contract's ticket and events carry it.
    @param taker Not used here: the settlement contract pulls from the taker of its own ticket.
    @param plan Signed by the maker, see modules/funding_plan.vy.
    @return Profit in base units of the taker asset, without anything that lay here before.
    """
    if msg.sender != SETTLEMENT:
        hedger_errors._not_settlement(msg.sender)
    if receiver == self:
        hedger_errors._invalid_receiver(receiver)
    if making_amount == 0 or making_amount > _MAX_AMOUNT:
        hedger_errors._invalid_amount(making_amount)
    source: uint256 = funding_plan._source(plan)
    terms: FillTerms = FillTerms(
        receiver=receiver,
        maker_asset=maker_asset,
        taker_asset=taker_asset,
        making_amount=making_amount,
        taking_amount=taking_amount,
        minimum_profit=funding_plan._minimum_profit(plan),
        pool=uniswap_v3._pool(taker_asset, maker_asset, funding_plan._swap_fee(plan)),
    )

    taker_asset_before: uint256 = token_moves._held(taker_asset)
    # In a flash swap the pool pays the receiver: the maker asset does not pass through here.
    maker_asset_before: uint256 = 0
    if source == funding_plan.UNISWAP_V3_FLASH_SWAP:
        self._buy(terms, receiver, making_amount, True)
    else:
        maker_asset_before = token_moves._held(maker_asset)
        self._borrow(source, terms)

    self._hand_over(maker_asset, maker_asset_before)
    return self._hand_over(taker_asset, taker_asset_before + terms.minimum_profit) + terms.minimum_profit


@external
def sweep(token: address) -> uint256:
    """
    @notice Send all of `token` that lies here to the settlement contract. Anyone may call, between fills.
    @return The amount sent.
    """
    return self._hand_over(token, 0)


# -------------------------------------------------------------------------------------------------- callbacks


@external
@reentrant
def uniswapV3SwapCallback(amount0_delta: int256, amount1_delta: int256, data: Bytes[160]):
    """
    @notice Pay the pool, which has already paid out; in a flash swap the taker pays first.
    """
    terms: SwapTerms = abi_decode(data, SwapTerms)
    callback_ticket._redeem(msg.sender, terms.maker_asset, terms.amount_out, keccak256(data))

    cost: uint256 = 0
    received: uint256 = 0
    if uniswap_v3._zero_for_one(terms.taker_asset, terms.maker_asset):
        cost = convert(amount0_delta, uint256)
        received = convert(-amount1_delta, uint256)
    else:
        cost = convert(amount1_delta, uint256)
        received = convert(-amount0_delta, uint256)
    if received != terms.amount_out:
        hedger_errors._pool_too_shallow(msg.sender, terms.amount_out, received)
    minimum_profit: uint256 = funding_plan._minimum_profit(terms.conditions)
    if cost + minimum_profit > terms.taking_amount:
        hedger_errors._insufficient_profit(terms.taking_amount, cost, minimum_profit)

    if terms.conditions & _TAKER_PAYS != 0:
        extcall ITakerCollector(SETTLEMENT).collect()
    token_moves._send(terms.taker_asset, msg.sender, cost)


@external
@reentrant
def onMorphoFlashLoan(assets: uint256, data: Bytes[224]):
    """
    @notice Deliver, collect and buy back what Morpho Blue pulls afterwards. It charges no fee.
    """
    terms: FillTerms = abi_decode(data, FillTerms)
    callback_ticket._redeem(msg.sender, terms.maker_asset, assets, keccak256(data))
    self._deliver_and_buy_back(terms, self, 0)
    token_moves._approve_exactly(terms.maker_asset, msg.sender, assets)


@external
@reentrant
def receiveFlashLoan(
    tokens: DynArray[address, 1],
    amounts: DynArray[uint256, 1],
    fee_amounts: DynArray[uint256, 1],
    data: Bytes[224],
):
    """
    @notice Deliver, collect and buy back straight into the vault, which wants amount and fee before this returns.
    """
    terms: FillTerms = abi_decode(data, FillTerms)
    callback_ticket._redeem(msg.sender, tokens[0], amounts[0], keccak256(data))
    self._deliver_and_buy_back(terms, msg.sender, fee_amounts[0])


@external
@reentrant
def executeOperation(
    asset: address, amount: uint256, premium: uint256, initiator: address, data: Bytes[224]
) -> bool:
    """
    @notice Deliver, collect and buy back what the Aave pool pulls afterwards, with its premium.
    """
    if initiator != self:
        hedger_errors._unexpected_initiator(initiator)
    terms: FillTerms = abi_decode(data, FillTerms)
    callback_ticket._redeem(msg.sender, asset, amount, keccak256(data))
    self._deliver_and_buy_back(terms, self, premium)
    token_moves._approve_exactly(asset, msg.sender, amount + premium)
    return True


# --------------------------------------------------------------------------------------------------- internal


@internal
def _borrow(source: uint256, terms: FillTerms):
    """
    @dev One unit more than the fill needs keeps the balance slot from returning to zero between delivery and
         swap, which would cost 20,000 gas again. The vault of Balancer is repaid by the pool: no such slot.
    """
    data: Bytes[224] = abi_encode(terms)
    data_hash: bytes32 = keccak256(data)
    lender: address = empty(address)
    if source == funding_plan.MORPHO_BLUE_LOAN:
        lender = MORPHO_BLUE
        callback_ticket._open(lender, terms.maker_asset, terms.making_amount + 1, data_hash)
        extcall IMorphoBlue(lender).flashLoan(terms.maker_asset, terms.making_amount + 1, data)
    elif source == funding_plan.BALANCER_V2_LOAN:
        lender = BALANCER_V2_VAULT
        callback_ticket._open(lender, terms.maker_asset, terms.making_amount, data_hash)
        extcall IBalancerV2Vault(lender).flashLoan(self, [terms.maker_asset], [terms.making_amount], data)
    else:
        lender = AAVE_V3_POOL
        callback_ticket._open(lender, terms.maker_asset, terms.making_amount + 1, data_hash)
        extcall IAaveV3Pool(lender).flashLoanSimple(self, terms.maker_asset, terms.making_amount + 1, data, 0)
    callback_ticket._require_redeemed(lender)


@internal
def _deliver_and_buy_back(terms: FillTerms, repay_to: address, fee: uint256):
    """
    @dev The receiver has the maker asset before the taker pays; then the pool pays back what was delivered, and
         the lender's fee, to `repay_to`.
    """
    token_moves._send(terms.maker_asset, terms.receiver, terms.making_amount)
    extcall ITakerCollector(SETTLEMENT).collect()
    self._buy(terms, repay_to, terms.making_amount + fee, False)


@internal
def _buy(terms: FillTerms, receiver: address, amount_out: uint256, taker_pays: bool):
    """
    @dev Open a ticket for the pool and swap: the pool pays `receiver`, `uniswapV3SwapCallback` pays the pool.
    """
    conditions: uint256 = terms.minimum_profit
    if taker_pays:
        conditions |= _TAKER_PAYS
    data: Bytes[160] = abi_encode(
        SwapTerms(
            taker_asset=terms.taker_asset,
            maker_asset=terms.maker_asset,
            amount_out=amount_out,
            taking_amount=terms.taking_amount,
            conditions=conditions,
        )
    )
    callback_ticket._open(terms.pool, terms.maker_asset, amount_out, keccak256(data))
    zero_for_one: bool = uniswap_v3._zero_for_one(terms.taker_asset, terms.maker_asset)
    uniswap_v3._buy(terms.pool, receiver, zero_for_one, amount_out, data)
    callback_ticket._require_redeemed(terms.pool)


@internal
def _hand_over(token: address, expected: uint256) -> uint256:
    """
    @dev Send all of a token to the settlement contract; raises FundsMissing if less than `expected` is here.
    @return What was here beyond `expected`.
    """
    held: uint256 = token_moves._held(token)
    if held < expected:
        hedger_errors._funds_missing(token, expected, held)
    if held != 0:
        token_moves._send(token, SETTLEMENT, held)
    return held - expected
