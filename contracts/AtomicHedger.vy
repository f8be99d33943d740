# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title AtomicHedger: pays a fill out of borrowed funds and closes the position in the same transaction
@license Apache-2.0
@author pmm
@notice The maker sells what it does not hold. RfqSettlement hands a signed fill to `fundFill` (but flash swaps on one
        Uniswap V3 pool, which it does itself); this contract obtains the
        maker asset, delivers it, buys back what it owes on the leg of the signed plan, and has the settlement contract
        take the taker's payment apart: the cost to whoever is owed, the rest to the inventory. `swapExactIn` sells
        inventory on the same legs. Layouts of plan and route: contracts/README.md; steps: contracts/HEDGER.md.

        Trusted: the settlement contract (it alone may ask for anything; it checks order, signature, plan, taker, profit
        and delivery), and that the addresses given to the constructor are genuine. A lender of ERC-3156 is signed with
        the order and trusted with nothing. Not trusted: taker, receiver, whoever calls a callback, whoever sends
        tokens here. Tokens are those that the settlement contract registers: no fee on transfer, no rebasing;
        no return value is fine. Nobody approves this contract, and it has no owner and no setting.

        How to stop it: it acts only for the settlement contract, so pausing the signers there stops it (guardian
        or owner). It holds nothing to rescue; `sweep` sends stray tokens to the settlement contract.

        Invariants:
        INV-H1  No call leaves more of a token here than lay here before, and a fill or sale leaves none of its two assets,
                donations included.
        INV-H2  What lay here before neither adds to a profit nor makes up for a loss: amounts bought, owed and delivered
                are exact, and the taker's payment passes this contract by (but for a signed order and a V4 pool of ether).
        INV-H3  The receiver is sent exactly the making amount, before the taker pays (but with source 9, where the
                taker pays first).
        INV-H4  A callback acts only for the caller, token, amount and data that the open ticket names, once; a V3 swap is
                held to its amount by the pool's answer.
        INV-H5  No allowance outlives the transaction that gave it.
        INV-H6  Whatever leaves goes to the receiver, an authenticated pool, the lender of the ticket, the maker of the
                signed order, or the settlement contract.

        Callbacks run while the entry point holds the lock, hence `@reentrant`. What each gives to check:

        | callback                | caller                | token     | amount            | data | initiator |
        |-------------------------|-----------------------|-----------|-------------------|------|-----------|
        | uniswapV3SwapCallback   | ticket, CREATE2 pool  | from data | pool's answer     | all  | not given |
        | uniswapV2Call           | ticket, CREATE2 pair  | from data | arguments         | hash | = self    |
        | unlockCallback          | ticket, V4 manager    | from data | from data, traded | hash | not given |
        | onMorphoFlashLoan       | ticket, Morpho Blue   | from data | argument          | hash | not given |
        | receiveFlashLoan        | ticket, Balancer vault| argument  | argument          | hash | not given |
        | executeOperation        | ticket, Aave pool     | argument  | argument          | hash | = self    |
        | uniswapV3FlashCallback  | ticket, CREATE2 pool  | from data | from data         | hash | not given |
        | onFlashLoan             | ticket, signed lender | argument  | argument          | hash | = self    |

        A fee or premium cannot be known beforehand: it raises the cost, which the minimum profit bounds.

        Longer than 300 lines, so that every lender's callback stands beside the table of what it checks.
"""
from ethereum.ercs import IERC20

from .interfaces import IAaveV3Pool
from .interfaces import IBalancerV2Vault
from .interfaces import IERC3156Lender
from .interfaces import IMorphoBlue
from .interfaces import ITakerCollector
from .interfaces import IUniswapV3Pool
from .modules import callback_ticket
from .modules import funding_plan
from .modules import hedge_legs
from .modules import hedger_errors
from .modules import token_moves
from .modules import uniswap_v2
from .modules import uniswap_v3
from .modules import uniswap_v4

initializes: callback_ticket
initializes: uniswap_v2
initializes: uniswap_v3
initializes: uniswap_v4
initializes: hedge_legs[
    callback_ticket := callback_ticket,
    uniswap_v2 := uniswap_v2,
    uniswap_v3 := uniswap_v3,
    uniswap_v4 := uniswap_v4,
]

exports: (
    hedge_legs.uniswapV3SwapCallback,
    hedge_legs.uniswapV2Call,
    hedge_legs.unlockCallback,
    hedge_legs.__default__,
)

# @notice Largest amount that fits the signed amounts of the pools, less the one unit of headroom of a loan.
_MAX_AMOUNT: constant(uint256) = 2**255 - 2

# @notice Answer of an ERC-3156 borrower.
_ACCEPTED: constant(bytes32) = keccak256("ERC3156FlashBorrower.onFlashLoan")

SETTLEMENT: public(immutable(address))
UNISWAP_V2_FACTORY: public(immutable(address))
UNISWAP_V3_FACTORY: public(immutable(address))
UNISWAP_V4_POOL_MANAGER: public(immutable(address))
MORPHO_BLUE: public(immutable(address))
BALANCER_V2_VAULT: public(immutable(address))
AAVE_V3_POOL: public(immutable(address))


# @dev One fill; travels through a lender as five words.
struct FillTerms:
    receiver: address
    maker_asset: address
    taker_asset: address
    making_amount: uint256
    plan: uint256


@deploy
def __init__(
    settlement: address,
    uniswap_v2_factory: address,
    uniswap_v3_factory: address,
    uniswap_v4_pool_manager: address,
    morpho_blue: address,
    balancer_v2_vault: address,
    aave_v3_pool: address,
):
    for account: address in [
        settlement,
        uniswap_v2_factory,
        uniswap_v3_factory,
        uniswap_v4_pool_manager,
        morpho_blue,
        balancer_v2_vault,
        aave_v3_pool,
    ]:
        if not account.is_contract:
            hedger_errors._not_a_contract(account)
    SETTLEMENT = settlement
    UNISWAP_V2_FACTORY = uniswap_v2_factory
    UNISWAP_V3_FACTORY = uniswap_v3_factory
    UNISWAP_V4_POOL_MANAGER = uniswap_v4_pool_manager
    MORPHO_BLUE = morpho_blue
    BALANCER_V2_VAULT = balancer_v2_vault
    AAVE_V3_POOL = aave_v3_pool
    weth: address = staticcall ITakerCollector(settlement).weth()
    uniswap_v2.__init__(uniswap_v2_factory)
    uniswap_v3.__init__(uniswap_v3_factory)
    uniswap_v4.__init__(uniswap_v4_pool_manager, weth)
    hedge_legs.__init__(settlement, weth, staticcall ITakerCollector(settlement).oneInchRouter())


# ---------------------------------------------------------------------------------------------- settlement only


@external
def fundFill(
    receiver: address,
    maker_asset: address,
    taker_asset: address,
    making_amount: uint256,
    taking_amount: uint256,
    plan: uint256,
):
    """
    @notice Deliver `making_amount` of the maker asset to `receiver` and close the position. Settlement only.
    @param taking_amount Not used here: the settlement contract holds the taker's payment against it in `collect`.
    @param plan Signed by the maker; one that needs no route.
    """
    funding_plan._require_route(plan, 0)
    self._fund(
        FillTerms(
            receiver=receiver,
            maker_asset=maker_asset,
            taker_asset=taker_asset,
            making_amount=making_amount,
            plan=plan,
        ),
        empty(address),
    )


@external
def fundFillByRoute(
    receiver: address,
    maker_asset: address,
    taker_asset: address,
    making_amount: uint256,
    taking_amount: uint256,
    plan: uint256,
    route: Bytes[340],
):
    """
    @notice The same for a plan whose route is signed behind it. Settlement only.
    """
    lender: address = hedge_legs._keep_route(plan, route, taker_asset)
    self._fund(
        FillTerms(
            receiver=receiver,
            maker_asset=maker_asset,
            taker_asset=taker_asset,
            making_amount=making_amount,
            plan=plan,
        ),
        lender,
    )


@external
def swapExactIn(
    token_in: address, token_out: address, amount_in: uint256, plan: uint256, route: Bytes[340]
) -> uint256:
    """
    @notice Sell `amount_in`, which was sent here before, and have all that is bought paid to the settlement contract.
            Settlement only, which holds the smaller of the answer and of what came in against its minimum.
    @param plan Of source 1, 7 or 8, without minimum profit.
    @return What the last pool says that it paid; each is authenticated.
    """
    self._require_settlement()
    self._require_amount(amount_in)
    source: uint256 = funding_plan._sale_source(plan)
    hedge_legs._keep_route(plan, route, token_in)
    bought: uint256 = 0
    if source == funding_plan.UNISWAP_V3_SWAP:
        bought = hedge_legs._sell_on_v3(plan, token_in, token_out, amount_in)
    elif source == funding_plan.UNISWAP_V2_SWAP:
        bought = hedge_legs._sell_on_v2(token_in, token_out, amount_in)
    else:
        bought = hedge_legs._swap_on_v4(
            hedge_legs.V4Swap(
                token_in=token_in, token_out=token_out, amount=amount_in, recipient=SETTLEMENT, plan=plan, sells=True
            )
        )
    self._hand_over(token_in)
    self._hand_over(token_out)
    return bought


@external
def sweep(token: address) -> uint256:
    """
    @notice Send all of `token` that lies here to the settlement contract. Anyone may call, between fills.
    @return The amount sent.
    """
    return self._hand_over(token)


# -------------------------------------------------------------------------------------------- lenders' callbacks


@external
@reentrant
def onMorphoFlashLoan(assets: uint256, data: Bytes[160]):
    """
    @notice Deliver and buy back what Morpho Blue pulls afterwards. It charges no fee.
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
    data: Bytes[160],
):
    """
    @notice Deliver and buy back straight into the vault, which wants amount and fee before this returns.
    """
    callback_ticket._redeem(msg.sender, tokens[0], amounts[0], keccak256(data))
    self._deliver_and_buy_back(abi_decode(data, FillTerms), msg.sender, fee_amounts[0])


@external
@reentrant
def executeOperation(
    asset: address, amount: uint256, premium: uint256, initiator: address, data: Bytes[160]
) -> bool:
    """
    @notice Deliver and buy back what the Aave pool pulls afterwards, with its premium.
    """
    if initiator != self:
        hedger_errors._unexpected_initiator(initiator)
    callback_ticket._redeem(msg.sender, asset, amount, keccak256(data))
    self._deliver_and_buy_back(abi_decode(data, FillTerms), self, premium)
    token_moves._approve_exactly(asset, msg.sender, amount + premium)
    return True


@external
@reentrant
def uniswapV3FlashCallback(fee0: uint256, fee1: uint256, data: Bytes[160]):
    """
    @notice Deliver and buy back straight into the lending pool, which wants amount and fee before this returns.
    """
    terms: FillTerms = abi_decode(data, FillTerms)
    callback_ticket._redeem(msg.sender, terms.maker_asset, terms.making_amount, keccak256(data))
    # Nothing was borrowed of the other token, so that its fee is zero.
    self._deliver_and_buy_back(terms, msg.sender, fee0 + fee1)


@external
@reentrant
def onFlashLoan(initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[160]) -> bytes32:
    """
    @notice Deliver and buy back what the lender pulls afterwards, with its fee.
    """
    if initiator != self:
        hedger_errors._unexpected_initiator(initiator)
    callback_ticket._redeem(msg.sender, token, amount, keccak256(data))
    self._deliver_and_buy_back(abi_decode(data, FillTerms), self, fee)
    token_moves._approve_exactly(token, msg.sender, amount + fee)
    return _ACCEPTED


# --------------------------------------------------------------------------------------------------- internal


@internal
def _fund(terms: FillTerms, lender: address):
    """
    @dev 1. Check caller, receiver, amount and plan.
         2. Take the funds; the callbacks deliver, have the taker pay, and repay.
         3. Hand over whatever lies here of the two assets: nothing, unless somebody sent it or a lender of ERC-3156 pulled
            less than it might.
    @param lender Of ERC-3156.
    """
    self._require_fill(terms.receiver, terms.making_amount)
    source: uint256 = funding_plan._source(terms.plan)

    if source < funding_plan.UNISWAP_V2_SWAP and source != funding_plan.UNISWAP_V3_SWAP:
        self._borrow(source, terms, lender)
    elif source == funding_plan.UNISWAP_V3_SWAP:
        # The pool pays the receiver: no token passes through here.
        hedge_legs._buy(terms.plan, terms.taker_asset, terms.maker_asset, terms.making_amount, terms.receiver)
    elif source == funding_plan.UNISWAP_V2_SWAP:
        hedge_legs._flash_on_v2(terms.taker_asset, terms.maker_asset, terms.making_amount, terms.receiver)
    elif source == funding_plan.UNISWAP_V4_SWAP:
        hedge_legs._swap_on_v4(
            hedge_legs.V4Swap(
                token_in=terms.taker_asset,
                token_out=terms.maker_asset,
                amount=terms.making_amount,
                recipient=terms.receiver,
                plan=terms.plan,
                sells=False,
            )
        )
    else:
        hedge_legs._buy_by_order(terms.taker_asset, terms.maker_asset, terms.making_amount, terms.receiver)

    self._hand_over(terms.maker_asset)
    self._hand_over(terms.taker_asset)


@internal
def _borrow(source: uint256, terms: FillTerms, signed_lender: address):
    """
    @dev Where the lender pulls, one unit more than the fill needs keeps the balance slot from returning to zero
         between delivery and swap, which would cost 20,000 gas again. The others are repaid by the leg: no such slot.
    """
    data: Bytes[160] = abi_encode(terms)
    data_hash: bytes32 = keccak256(data)
    asset: address = terms.maker_asset
    amount: uint256 = terms.making_amount
    lender: address = signed_lender
    if source == funding_plan.MORPHO_BLUE_LOAN:
        lender = MORPHO_BLUE
        callback_ticket._open(lender, asset, amount + 1, data_hash)
        extcall IMorphoBlue(lender).flashLoan(asset, amount + 1, data)
    elif source == funding_plan.BALANCER_V2_LOAN:
        lender = BALANCER_V2_VAULT
        callback_ticket._open(lender, asset, amount, data_hash)
        extcall IBalancerV2Vault(lender).flashLoan(self, [asset], [amount], data)
    elif source == funding_plan.AAVE_V3_LOAN:
        lender = AAVE_V3_POOL
        callback_ticket._open(lender, asset, amount + 1, data_hash)
        extcall IAaveV3Pool(lender).flashLoanSimple(self, asset, amount + 1, data, 0, skip_contract_check=True)
    elif source == funding_plan.UNISWAP_V3_FLASH:
        pays_first: bool = False
        lender, pays_first = uniswap_v3._pool(asset, terms.taker_asset, funding_plan._lending_fee(terms.plan))
        callback_ticket._open(lender, asset, amount, data_hash)
        if pays_first:
            extcall IUniswapV3Pool(lender).flash(self, amount, 0, data)
        else:
            extcall IUniswapV3Pool(lender).flash(self, 0, amount, data)
    else:
        if lender == empty(address):
            hedger_errors._invalid_route(20, 0)
        # Its code is not known: it may lend nothing and count on what a stranger left here.
        self._hand_over(asset)
        callback_ticket._open(lender, asset, amount + 1, data_hash)
        if not extcall IERC3156Lender(lender).flashLoan(self, asset, amount + 1, data):
            hedger_errors._callback_missing(lender)
        # It may have pulled less than it asked for.
        token_moves._approve_exactly(asset, lender, 0)
    callback_ticket._require_redeemed(lender)


@internal
def _deliver_and_buy_back(terms: FillTerms, repay_to: address, fee: uint256):
    """
    @dev The receiver has the maker asset before the taker pays; then the leg pays back what was delivered, and the lender's
         fee, to `repay_to`.
    """
    token_moves._send(terms.maker_asset, terms.receiver, terms.making_amount)
    hedge_legs._buy(terms.plan, terms.taker_asset, terms.maker_asset, terms.making_amount + fee, repay_to)


@internal
def _hand_over(token: address) -> uint256:
    """
    @return What was sent to the settlement contract: all that lay here.
    """
    held: uint256 = staticcall IERC20(token).balanceOf(self)
    if held != 0:
        token_moves._send(token, SETTLEMENT, held)
    return held


@internal
@view
def _require_fill(receiver: address, making_amount: uint256):
    if msg.sender != SETTLEMENT:
        hedger_errors._not_settlement(msg.sender)
    if receiver == self:
        hedger_errors._invalid_receiver(receiver)
    if making_amount == 0 or making_amount > _MAX_AMOUNT:
        hedger_errors._invalid_amount(making_amount)


@internal
@view
def _require_settlement():
    if msg.sender != SETTLEMENT:
        hedger_errors._not_settlement(msg.sender)


@internal
@pure
def _require_amount(amount: uint256):
    if amount == 0 or amount > _MAX_AMOUNT:
        hedger_errors._invalid_amount(amount)
