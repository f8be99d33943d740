# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title LendingAccount: the desk's collateral and debt on Aave V3 and Compound V2
@license Apache-2.0
@author pmm
@notice Holds aTokens, cTokens and debt. What leaves goes to the settlement contract, or during an operation of the
        delta hedger where that directs it. Roles are the settlement contract's: it has no owner of its own.

        Trusted: the settlement contract's answers about roles; the delta hedger, which the owner sets; Aave's pool,
        Compound's Comptroller and the markets the owner lists, with their oracles. Not trusted with funds: operator
        and router hooks can move funds between this account, the two markets and the settlement contract only.

        How to stop it: the guardian calls `pauseBorrowing`, and `setDeltaHedger(0)` to shut the delta hedger out;
        repaying stays possible. The operator of the settlement contract is replaced by its owner.

        Invariants:
        INV-L1  Funds leave to the settlement contract only, and during an operation of the delta hedger to the
                payee that it names.
        INV-L2  Every exit but a repayment leaves the health factor of its market at or above the owner's floor.
        INV-L3  Debt in a market never grows above the owner's cap in USD; none grows while borrowing is paused.
        INV-L4  Nobody but operator, router hooks, guardian, owner and delta hedger changes anything here; guardian
                only reduces.
        INV-L5  No allowance outlives the transaction that gave it.
        INV-L6  A Compound V2 error code other than zero reverts the transaction.
"""
from .modules import token_moves
from .modules.lending import aave_position
from .modules.lending import compound_position
from .modules.lending import lending_errors
from .modules.lending import lending_settings

initializes: aave_position
initializes: compound_position
initializes: lending_settings

exports: (
    aave_position.AAVE_WETH_DEBT,
    lending_settings.SETTLEMENT,
    lending_settings.setDeltaHedger,
    lending_settings.setHealthFloor,
    lending_settings.setDebtCap,
    lending_settings.pauseBorrowing,
    lending_settings.resumeBorrowing,
    lending_settings.settings,
)

_AAVE_V3: constant(uint256) = 1
_COMPOUND_V2: constant(uint256) = 2


event AaveTokenListed:
    token: indexed(address)


event CompoundMarketListed:
    token: indexed(address)
    c_token: indexed(address)


AAVE_V3_POOL: public(immutable(address))
COMPOUND_COMPTROLLER: public(immutable(address))
COMPOUND_CETH: public(immutable(address))
WETH: public(immutable(address))


@deploy
def __init__(
    settlement: address,
    aave_v3_pool: address,
    comptroller: address,
    ceth: address,
    weth: address,
    floor_bps: uint256,
):
    """
    @param floor_bps First health floor of both markets.
    """
    for account: address in [settlement, aave_v3_pool, comptroller, ceth, weth]:
        if not account.is_contract:
            lending_errors._not_a_contract(account)
    AAVE_V3_POOL = aave_v3_pool
    COMPOUND_COMPTROLLER = comptroller
    COMPOUND_CETH = ceth
    WETH = weth
    aave_position.__init__(aave_v3_pool, weth)
    compound_position.__init__(comptroller, ceth, weth)
    lending_settings.__init__(settlement, floor_bps)


@external
@payable
@reentrant
def __default__():
    """
    @notice Takes ether from WETH and cETH, which send it inside calls of ours.
    """
    if msg.sender != WETH and msg.sender != COMPOUND_CETH:
        lending_errors._unexpected_ether(msg.sender)


# ------------------------------------------------------------------------------------------ operator and hooks


@external
def supply(market: uint256, token: address, amount: uint256):
    """
    @notice Supply what `moveToLending` has sent here as collateral. Operator or router hooks.
    @param amount Base units; the highest integer means all that lies here.
    """
    lending_settings._require_desk()
    self._supply(market, token, self._funds(token, amount))


@external
def repay(market: uint256, token: address, amount: uint256) -> uint256:
    """
    @notice Repay debt out of what lies here; never more than is owed. Operator, router hooks or guardian.
    @param amount Base units; the highest integer means the smaller of the debt and what lies here.
    @return What was repaid.
    """
    lending_settings._require_desk_or_guardian()
    wanted: uint256 = min(amount, self._debt(market, token))
    if amount == max_value(uint256):
        wanted = min(wanted, token_moves._held(token))
    repaid: uint256 = self._funds(token, wanted)
    self._repay(market, token, repaid)
    return repaid


@external
def withdraw(market: uint256, token: address, amount: uint256) -> uint256:
    """
    @notice Withdraw collateral to the settlement contract. Operator.
    @param amount Base units; the highest integer means all.
    @return What was sent.
    """
    lending_settings._require_operator()
    return self._withdraw_to_settlement(market, token, amount)


@external
def borrow(market: uint256, token: address, amount: uint256):
    """
    @notice Borrow to the settlement contract. Operator.
    """
    lending_settings._require_operator()
    self._borrow_to_settlement(market, token, amount)


@external
def provide(source: uint256, token: address, amount: uint256):
    """
    @notice Send exactly `amount` to the settlement contract, just in time for a fill. Operator or router hooks.
    @param source 1 withdraw from Aave V3, 2 borrow there, 3 redeem from Compound V2, 4 borrow there.
    """
    lending_settings._require_desk()
    if amount == max_value(uint256):
        lending_errors._funds_missing(token, amount, 0)
    if source == 1:
        self._withdraw_to_settlement(_AAVE_V3, token, amount)
    elif source == 2:
        self._borrow_to_settlement(_AAVE_V3, token, amount)
    elif source == 3:
        self._withdraw_to_settlement(_COMPOUND_V2, token, amount)
    elif source == 4:
        self._borrow_to_settlement(_COMPOUND_V2, token, amount)
    else:
        lending_errors._unknown_source(source)


@external
def sweep(token: address) -> uint256:
    """
    @notice Send all of `token` that lies here, and ether wrapped, to the settlement contract. Operator. For an
            aToken or cToken that is an exit like any other: the health floors hold after it.
    @return What was sent.
    """
    lending_settings._require_operator()
    if token == WETH and self.balance != 0:
        compound_position._wrap(self.balance)
    held: uint256 = token_moves._held(token)
    if held == 0:
        lending_errors._zero_amount()
    token_moves._send(token, lending_settings.SETTLEMENT, held)
    word: uint256 = lending_settings._word
    self._require_health(word, _AAVE_V3, 0)
    self._require_health(word, _COMPOUND_V2, 0)
    return held


# ------------------------------------------------------------------------------------------------ delta hedger


@external
def enlarge(
    market: uint256,
    collateral: address,
    supplied: uint256,
    debt: address,
    borrowed: uint256,
    payee: address,
    min_health: uint256,
):
    """
    @notice Supply what lies here, borrow, and pay `payee`. Delta hedger only.
    @param min_health Wad; the owner's floor holds where it is higher.
    """
    word: uint256 = lending_settings._word
    lending_settings._require_hedger(word)
    lending_settings._require_unpaused(word)
    self._require_market(market)
    if market == _AAVE_V3:
        untouched: bool = aave_position._is_untouched()
        aave_position._supply(collateral, supplied)
        aave_position._borrow(debt, borrowed)
        token_moves._send(debt, payee, borrowed)
        if untouched:
            debt_usd: uint256 = 0
            health: uint256 = 0
            debt_usd, health = aave_position._first_account(collateral, supplied, debt, borrowed)
            self._check(word, market, debt_usd, health, min_health)
            return
    else:
        compound_position._supply(collateral, supplied)
        self._borrow(market, debt, borrowed)
        token_moves._send(debt, payee, borrowed)
    self._require_loan_allowed(word, market, min_health)


@external
def reduce(
    market: uint256,
    debt: address,
    repaid: uint256,
    collateral: address,
    withdrawn: uint256,
    payee: address,
    paid: uint256,
    min_health: uint256,
):
    """
    @notice Repay out of what lies here, withdraw, pay `payee` and send the rest of what was withdrawn to the
            settlement contract. Delta hedger only.
    @param repaid At most the debt.
    @param withdrawn At least `paid`; the highest integer means all.
    """
    word: uint256 = lending_settings._word
    lending_settings._require_hedger(word)
    received: uint256 = 0
    if market == _AAVE_V3:
        aave_position._repay(debt, repaid)
        # What all goes to the payee comes straight from the aToken.
        if withdrawn == paid:
            aave_position._withdraw(collateral, withdrawn, payee)
        else:
            received = aave_position._withdraw(collateral, withdrawn, self)
    else:
        self._require_market(market)
        compound_position._repay(debt, repaid)
        received = compound_position._withdraw(collateral, withdrawn)
    if withdrawn != paid or market != _AAVE_V3:
        if received < paid:
            lending_errors._payout_short(collateral, paid, received)
        token_moves._send(collateral, payee, paid)
        if received != paid:
            token_moves._send(collateral, lending_settings.SETTLEMENT, unsafe_sub(received, paid))
    self._require_health(word, market, min_health)


@external
@reentrant
def debtOf(market: uint256, token: address) -> uint256:
    """
    @notice The debt in a token with interest up to this block. Not a view, for Compound V2 accrues; anyone may
            call.
    """
    return self._debt(market, token)


@external
def listAaveToken(token: address):
    """
    @notice Let this account borrow a token on Aave V3. Owner.
    """
    lending_settings._require_owner()
    aave_position._list(token)
    log AaveTokenListed(token=token)


@external
def listCompoundMarket(token: address, c_token: address):
    """
    @notice Let this account use a Compound V2 market, and enter it. Owner; eight at most, once for each token.
    """
    lending_settings._require_owner()
    compound_position._list(token, c_token)
    log CompoundMarketListed(token=token, c_token=c_token)


# ------------------------------------------------------------------------------------------------------- views


@external
@view
def position(market: uint256, token: address) -> (uint256, uint256):
    """
    @notice Collateral and debt of a token, base units. Aave V3: up to this block; Compound V2: as of the market's
            last accrual.
    """
    self._require_market(market)
    if market == _AAVE_V3:
        return aave_position._collateral(token), aave_position._debt(token)
    return compound_position._collateral_stored(token), compound_position._debt_stored(token)


@external
@view
def health(market: uint256) -> uint256:
    """
    @notice Weighted collateral over debt, wad, 1e18 = liquidation; the highest integer without debt. On Compound V2
            with interest as of each market's last accrual.
    """
    debt_usd: uint256 = 0
    health: uint256 = 0
    debt_usd, health = self._account(market)
    return health


@external
@view
def compoundMarkets() -> DynArray[address, 8]:
    """
    @notice The cTokens this account may use.
    """
    return compound_position._markets


# ---------------------------------------------------------------------------------------------------- internal


@internal
def _withdraw_to_settlement(market: uint256, token: address, amount: uint256) -> uint256:
    received: uint256 = 0
    if amount == 0:
        lending_errors._zero_amount()
    if market == _AAVE_V3:
        received = aave_position._withdraw(token, amount, lending_settings.SETTLEMENT)
    else:
        received = self._withdraw(market, token, amount)
        token_moves._send(token, lending_settings.SETTLEMENT, received)
    if amount != max_value(uint256) and received != amount:
        lending_errors._payout_short(token, amount, received)
    self._require_health(lending_settings._word, market, 0)
    return received


@internal
def _borrow_to_settlement(market: uint256, token: address, amount: uint256):
    word: uint256 = lending_settings._word
    lending_settings._require_unpaused(word)
    if amount == 0:
        lending_errors._zero_amount()
    self._borrow(market, token, amount)
    token_moves._send(token, lending_settings.SETTLEMENT, amount)
    self._require_loan_allowed(word, market, 0)


@internal
def _supply(market: uint256, token: address, amount: uint256):
    self._require_market(market)
    if market == _AAVE_V3:
        aave_position._supply(token, amount)
    else:
        compound_position._supply(token, amount)


@internal
def _withdraw(market: uint256, token: address, amount: uint256) -> uint256:
    self._require_market(market)
    if market == _AAVE_V3:
        return aave_position._withdraw(token, amount, self)
    return compound_position._withdraw(token, amount)


@internal
def _borrow(market: uint256, token: address, amount: uint256):
    """
    @dev The amount is here afterwards.
    """
    self._require_market(market)
    if market == _AAVE_V3:
        aave_position._borrow(token, amount)
    else:
        received: uint256 = compound_position._borrow(token, amount)
        if received != amount:
            lending_errors._payout_short(token, amount, received)


@internal
def _repay(market: uint256, token: address, amount: uint256):
    self._require_market(market)
    if market == _AAVE_V3:
        aave_position._repay(token, amount)
    else:
        compound_position._repay(token, amount)


@internal
def _debt(market: uint256, token: address) -> uint256:
    self._require_market(market)
    if market == _AAVE_V3:
        return aave_position._debt(token)
    return compound_position._debt(token)


@internal
@view
def _funds(token: address, amount: uint256) -> uint256:
    """
    @dev How much of what lies here is to be used; raises FundsMissing where that is more than there is.
    """
    held: uint256 = token_moves._held(token)
    used: uint256 = held if amount == max_value(uint256) else amount
    if used == 0:
        lending_errors._zero_amount()
    if used > held:
        lending_errors._funds_missing(token, used, held)
    return used


@internal
@view
def _account(market: uint256) -> (uint256, uint256):
    """
    @return Debt in USD with 8 decimals, health factor in wad.
    """
    self._require_market(market)
    if market == _AAVE_V3:
        return aave_position._account()
    return compound_position._account()


@internal
@pure
def _require_market(market: uint256):
    if market != _AAVE_V3 and market != _COMPOUND_V2:
        lending_errors._unknown_market(market)


@internal
def _require_health(word: uint256, market: uint256, min_health: uint256):
    """
    @dev After an exit. Without debt nothing is asked; Aave then costs one read of its user configuration.
    """
    if market == _AAVE_V3:
        if not aave_position._has_debt():
            return
    else:
        compound_position._accrue()
    debt_usd: uint256 = 0
    health: uint256 = 0
    debt_usd, health = self._account(market)
    self._check(word, market, 0, health, min_health)


@internal
def _require_loan_allowed(word: uint256, market: uint256, min_health: uint256):
    """
    @dev After a loan.
    """
    if market == _COMPOUND_V2:
        compound_position._accrue()
    debt_usd: uint256 = 0
    health: uint256 = 0
    debt_usd, health = self._account(market)
    self._check(word, market, debt_usd, health, min_health)


@internal
@view
def _check(word: uint256, market: uint256, debt_usd: uint256, health: uint256, min_health: uint256):
    cap_usd: uint256 = lending_settings._cap(word, market)
    if debt_usd > cap_usd:
        lending_errors._debt_cap_exceeded(market, debt_usd, cap_usd)
    lowest: uint256 = max(lending_settings._floor(word, market), min_health)
    if health < lowest:
        lending_errors._health_too_low(market, health, lowest)
