# pragma version 0.4.3
"""
@title The account's position on Aave V3
@license Apache-2.0
@dev Variable rate only. Approvals are exact: `supply` pulls its whole amount, `repay` is never asked for more than
     the debt.
"""
from ...interfaces import IAaveV3Market
from ...interfaces import IAaveV3Provider
from .. import token_moves
from . import lending_errors

_VARIABLE_RATE: constant(uint256) = 2
_NO_REFERRAL: constant(uint16) = 0

# The even bits of Aave's user configuration: what the user borrows.
_BORROWING_BITS: constant(uint256) = max_value(uint256) // 3  # 0x5555...55

# Bits of a reserve's configuration.
_THRESHOLD_AT: constant(uint256) = 16
_THRESHOLD_MASK: constant(uint256) = 2**16 - 1
_DECIMALS_AT: constant(uint256) = 48
_DECIMALS_MASK: constant(uint256) = 2**8 - 1

_WAD_PER_BPS: constant(uint256) = 10**14

_POOL: immutable(address)
_PROVIDER: immutable(address)

_WETH: immutable(address)

# @notice WETH's variable debt token: what is sold short most is looked up without a read of storage.
AAVE_WETH_DEBT: public(immutable(address))

# Variable debt token of each token that may be borrowed: one read instead of Aave's whole record.
_debt_token_of: HashMap[address, address]


@deploy
def __init__(pool: address, weth: address):
    _POOL = pool
    _PROVIDER = staticcall IAaveV3Market(pool).ADDRESSES_PROVIDER()
    _WETH = weth
    AAVE_WETH_DEBT = (staticcall IAaveV3Market(pool).getReserveData(weth)).variableDebtTokenAddress


@internal
def _supply(token: address, amount: uint256):
    token_moves._approve_exactly(token, _POOL, amount)
    extcall IAaveV3Market(_POOL).supply(token, amount, self, _NO_REFERRAL)


@internal
def _withdraw(token: address, amount: uint256, receiver: address) -> uint256:
    return extcall IAaveV3Market(_POOL).withdraw(token, amount, receiver)


@internal
def _list(token: address):
    """
    @dev Raises UnlistedMarket for a token that Aave does not list, and for WETH where Aave lists it anew with
         another debt token. Again is harmless.
    """
    debt_token: address = (staticcall IAaveV3Market(_POOL).getReserveData(token)).variableDebtTokenAddress
    if debt_token == empty(address) or (token == _WETH and debt_token != AAVE_WETH_DEBT):
        lending_errors._unlisted_market(token, debt_token)
    self._debt_token_of[token] = debt_token


@internal
def _borrow(token: address, amount: uint256):
    """
    @dev Aave pays this contract, whoever asked. Raises UnlistedMarket for a token that the owner has not listed.
    """
    if self._debt_token_of[token] == empty(address):
        lending_errors._unlisted_market(token, empty(address))
    extcall IAaveV3Market(_POOL).borrow(token, amount, _VARIABLE_RATE, _NO_REFERRAL, self)


@internal
def _repay(token: address, amount: uint256):
    """
    @param amount At most the debt, else an allowance would be left.
    """
    token_moves._approve_exactly(token, _POOL, amount)
    extcall IAaveV3Market(_POOL).repay(token, amount, _VARIABLE_RATE, self)


@internal
@view
def _collateral(token: address) -> uint256:
    a_token: address = (staticcall IAaveV3Market(_POOL).getReserveData(token)).aTokenAddress
    return token_moves._held(a_token) if a_token != empty(address) else 0


@internal
@view
def _debt(token: address) -> uint256:
    """
    @dev With interest up to this block; zero for a token that is not listed, for none can have been borrowed.
    """
    debt_token: address = AAVE_WETH_DEBT if token == _WETH else self._debt_token_of[token]
    return token_moves._held(debt_token) if debt_token != empty(address) else 0


@internal
@view
def _is_untouched() -> bool:
    """
    @dev Neither collateral nor debt.
    """
    return staticcall IAaveV3Market(_POOL).getUserConfiguration(self) == 0


@internal
@view
def _has_debt() -> bool:
    return staticcall IAaveV3Market(_POOL).getUserConfiguration(self) & _BORROWING_BITS != 0


@internal
@view
def _account() -> (uint256, uint256):
    """
    @dev Aave's own figures, at Aave's own prices.
    @return Debt in USD with 8 decimals; collateral weighted by liquidation thresholds over debt, 1e18 = liquidation,
            the highest integer without debt.
    """
    collateral: uint256 = 0
    debt: uint256 = 0
    available: uint256 = 0
    threshold: uint256 = 0
    ltv: uint256 = 0
    health: uint256 = 0
    collateral, debt, available, threshold, ltv, health = staticcall IAaveV3Market(_POOL).getUserAccountData(
        self
    )
    return debt, health


@internal
@view
def _first_account(collateral: address, supplied: uint256, debt: address, borrowed: uint256) -> (uint256, uint256):
    """
    @dev The same two figures for an account that had neither collateral nor debt before it supplied one token and
         borrowed another: nothing else counts, so two prices and one threshold are enough, which saves a third of
         the reads. Aave has let the loan pass, so the token does count as collateral. Rounded against us by a unit
         of each token, as the scaled balances may be.
    """
    oracle: address = staticcall IAaveV3Provider(_PROVIDER).getPriceOracle()
    collateral_bits: uint256 = staticcall IAaveV3Market(_POOL).getConfiguration(collateral)
    debt_bits: uint256 = staticcall IAaveV3Market(_POOL).getConfiguration(debt)
    debt_usd: uint256 = (
        (borrowed + 1)
        * staticcall IAaveV3Provider(oracle).getAssetPrice(debt)
        // 10 ** ((debt_bits >> _DECIMALS_AT) & _DECIMALS_MASK)
        + 1
    )
    collateral_usd: uint256 = (
        (supplied - 1)
        * staticcall IAaveV3Provider(oracle).getAssetPrice(collateral)
        // 10 ** ((collateral_bits >> _DECIMALS_AT) & _DECIMALS_MASK)
    )
    threshold_bps: uint256 = (collateral_bits >> _THRESHOLD_AT) & _THRESHOLD_MASK
    return debt_usd, collateral_usd * threshold_bps * _WAD_PER_BPS // debt_usd
