# pragma version 0.4.3
"""
@title The account's position on Compound V2
@license Apache-2.0
@dev Compound answers most failures with a code other than zero and moves nothing: every code is checked. cETH
     deals in ether, which is wrapped and unwrapped here; its `mint` and `repayBorrow` revert instead.
"""
from ...interfaces import ICEther
from ...interfaces import ICompoundComptroller
from ...interfaces import ICompoundOracle
from ...interfaces import ICToken
from ...interfaces import IWETH9
from .. import token_moves
from . import lending_errors

_MAX_MARKETS: constant(uint256) = 8
_WAD: constant(uint256) = 10**18
_WAD_PER_USD_E8: constant(uint256) = 10**10

_COMPTROLLER: immutable(address)
_CETH: immutable(address)
_WETH: immutable(address)

# Market of a token, zero if not listed.
_market_of: HashMap[address, address]
_markets: DynArray[address, _MAX_MARKETS]


@deploy
def __init__(comptroller: address, ceth: address, weth: address):
    _COMPTROLLER = comptroller
    _CETH = ceth
    _WETH = weth


@internal
def _list(token: address, c_token: address):
    """
    @dev Once for each token. Raises UnlistedMarket where the market is not the Comptroller's or not the token's.
    """
    if self._market_of[token] != empty(address) or not c_token.is_contract:
        lending_errors._unlisted_market(token, c_token)
    if staticcall ICToken(c_token).comptroller() != _COMPTROLLER:
        lending_errors._unlisted_market(token, c_token)
    underlying: address = _WETH
    if c_token != _CETH:
        underlying = staticcall ICToken(c_token).underlying()
    if underlying != token:
        lending_errors._unlisted_market(token, c_token)
    entered: DynArray[uint256, 1] = extcall ICompoundComptroller(_COMPTROLLER).enterMarkets([c_token])
    # Refuses markets that the Comptroller does not list.
    if entered[0] != 0:
        lending_errors._compound_refused(c_token, entered[0])
    self._market_of[token] = c_token
    self._markets.append(c_token)


@internal
@view
def _market(token: address) -> address:
    c_token: address = self._market_of[token]
    if c_token == empty(address):
        lending_errors._unlisted_market(token, c_token)
    return c_token


@internal
def _supply(token: address, amount: uint256):
    c_token: address = self._market(token)
    if c_token == _CETH:
        extcall IWETH9(_WETH).withdraw(amount)
        extcall ICEther(c_token).mint(value=amount)
    else:
        token_moves._approve_exactly(token, c_token, amount)
        self._require_success(c_token, extcall ICToken(c_token).mint(amount))


@internal
def _withdraw(token: address, amount: uint256) -> uint256:
    """
    @param amount The highest integer means all.
    @return What arrived here.
    """
    c_token: address = self._market(token)
    before: uint256 = self._liquid(c_token, token)
    if amount == max_value(uint256):
        self._require_success(
            c_token, extcall ICToken(c_token).redeem(staticcall ICToken(c_token).balanceOf(self))
        )
    else:
        self._require_success(c_token, extcall ICToken(c_token).redeemUnderlying(amount))
    return self._received(c_token, token, before)


@internal
def _borrow(token: address, amount: uint256) -> uint256:
    """
    @return What arrived here.
    """
    c_token: address = self._market(token)
    before: uint256 = self._liquid(c_token, token)
    self._require_success(c_token, extcall ICToken(c_token).borrow(amount))
    return self._received(c_token, token, before)


@internal
def _repay(token: address, amount: uint256):
    """
    @param amount At most the debt: cETH refuses more, other markets would leave an allowance.
    """
    c_token: address = self._market(token)
    if c_token == _CETH:
        extcall IWETH9(_WETH).withdraw(amount)
        extcall ICEther(c_token).repayBorrow(value=amount)
    else:
        token_moves._approve_exactly(token, c_token, amount)
        self._require_success(c_token, extcall ICToken(c_token).repayBorrow(amount))


@internal
def _debt(token: address) -> uint256:
    """
    @dev With interest up to this block.
    """
    return extcall ICToken(self._market(token)).borrowBalanceCurrent(self)


@internal
@view
def _collateral_stored(token: address) -> uint256:
    """
    @dev As of the market's last accrual, rounded down.
    """
    c_token: address = self._market_of[token]
    if c_token == empty(address):
        return 0
    rate: uint256 = staticcall ICToken(c_token).exchangeRateStored()
    return staticcall ICToken(c_token).balanceOf(self) * rate // _WAD


@internal
@view
def _debt_stored(token: address) -> uint256:
    """
    @dev As of the market's last accrual.
    """
    c_token: address = self._market_of[token]
    return staticcall ICToken(c_token).borrowBalanceStored(self) if c_token != empty(address) else 0


@internal
def _accrue():
    """
    @dev Brings every market in which the account owes something up to this block.
    """
    for c_token: address in self._markets:
        if staticcall ICToken(c_token).borrowBalanceStored(self) != 0:
            extcall ICToken(c_token).borrowBalanceCurrent(self)


@internal
@view
def _account() -> (uint256, uint256):
    """
    @return Debt in USD with 8 decimals; collateral weighted by Compound's collateral factors over debt, 1e18 =
            liquidation, the highest integer without debt.
    @dev From the Comptroller's liquidity or shortfall and the debt at its oracle's prices:
         weighted collateral = debt + liquidity, or debt - shortfall.
    """
    oracle: address = staticcall ICompoundComptroller(_COMPTROLLER).oracle()
    debt_usd: uint256 = 0
    for c_token: address in self._markets:
        debt: uint256 = staticcall ICToken(c_token).borrowBalanceStored(self)
        if debt != 0:
            price: uint256 = staticcall ICompoundOracle(oracle).getUnderlyingPrice(c_token)
            debt_usd += debt * price // _WAD + 1
    if debt_usd == 0:
        return 0, max_value(uint256)
    code: uint256 = 0
    liquidity_usd: uint256 = 0
    shortfall_usd: uint256 = 0
    code, liquidity_usd, shortfall_usd = staticcall ICompoundComptroller(_COMPTROLLER).getAccountLiquidity(self)
    # A missing price is such a code too.
    if code != 0:
        lending_errors._compound_refused(_COMPTROLLER, code)
    # The rounding of the sum may exceed it by a few units.
    weighted_usd: uint256 = debt_usd + liquidity_usd - min(shortfall_usd, debt_usd)
    return debt_usd // _WAD_PER_USD_E8 + 1, weighted_usd * _WAD // debt_usd


@internal
def _wrap(amount: uint256):
    extcall IWETH9(_WETH).deposit(value=amount)


@internal
@view
def _liquid(c_token: address, token: address) -> uint256:
    return self.balance if c_token == _CETH else token_moves._held(token)


@internal
def _received(c_token: address, token: address, before: uint256) -> uint256:
    received: uint256 = self._liquid(c_token, token) - before
    if c_token == _CETH:
        self._wrap(received)
    return received


@internal
@pure
def _require_success(c_token: address, code: uint256):
    if code != 0:
        lending_errors._compound_refused(c_token, code)
