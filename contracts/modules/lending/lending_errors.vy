# pragma version 0.4.3
"""
@title Errors of LendingAccount
@license Apache-2.0
@dev Custom errors by `raw_revert`: interfaces/LendingAccountErrors.json carries their ABI and a test compares the
     two. Each function below always reverts.
"""


# @dev Raised when the caller's role does not allow the call.
@internal
@pure
def _unauthorised(caller: address):
    raw_revert(abi_encode(caller, method_id=method_id("Unauthorised(address)")))


# @dev Raised in the constructor and the setters for an address without code.
@internal
@pure
def _not_a_contract(account: address):
    raw_revert(abi_encode(account, method_id=method_id("NotAContract(address)")))


# @dev Raised for a delta hedger that serves another settlement contract or another lending account.
@internal
@pure
def _foreign_hedger(hedger: address):
    raw_revert(abi_encode(hedger, method_id=method_id("ForeignHedger(address)")))


# @dev Raised for a market other than 1 (Aave V3) and 2 (Compound V2).
@internal
@pure
def _unknown_market(market: uint256):
    raw_revert(abi_encode(market, method_id=method_id("UnknownMarket(uint256)")))


# @dev Raised for a source other than 1 to 4.
@internal
@pure
def _unknown_source(source: uint256):
    raw_revert(abi_encode(source, method_id=method_id("UnknownSource(uint256)")))


# @dev Raised for an amount of zero, and where there is nothing to repay or to send.
@internal
@pure
def _zero_amount():
    raw_revert(method_id("ZeroAmount()"))


# @dev Raised when less of a token lies here than is to be supplied or repaid.
@internal
@pure
def _funds_missing(token: address, expected: uint256, found: uint256):
    raw_revert(abi_encode(token, expected, found, method_id=method_id("FundsMissing(address,uint256,uint256)")))


# @dev Raised when a market paid out less than was asked for.
@internal
@pure
def _payout_short(token: address, expected: uint256, received: uint256):
    raw_revert(
        abi_encode(token, expected, received, method_id=method_id("PayoutShort(address,uint256,uint256)"))
    )


# @dev Raised while the guardian's pause forbids new debt.
@internal
@pure
def _borrowing_paused():
    raw_revert(method_id("BorrowingPaused()"))


# @dev Raised when the debt in a market (USD, 8 decimals) would exceed the owner's cap, zero until it is set.
@internal
@pure
def _debt_cap_exceeded(market: uint256, debt_usd: uint256, cap_usd: uint256):
    raw_revert(
        abi_encode(market, debt_usd, cap_usd, method_id=method_id("DebtCapExceeded(uint256,uint256,uint256)"))
    )


# @dev Raised for a debt cap that does not fit its 31 bits.
@internal
@pure
def _invalid_cap(cap_usd: uint256):
    raw_revert(abi_encode(cap_usd, method_id=method_id("InvalidCap(uint256)")))


# @dev Raised when an exit would leave a health factor (1e18 = liquidation) below the floor.
@internal
@pure
def _health_too_low(market: uint256, health: uint256, lowest: uint256):
    raw_revert(
        abi_encode(market, health, lowest, method_id=method_id("HealthTooLow(uint256,uint256,uint256)"))
    )


# @dev Raised for a health floor of 1 or less, or one that does not fit its 16 bits.
@internal
@pure
def _invalid_floor(floor_bps: uint256):
    raw_revert(abi_encode(floor_bps, method_id=method_id("InvalidFloor(uint256)")))


# @dev Raised when Compound V2 answers with an error code, or has no price.
@internal
@pure
def _compound_refused(c_token: address, code: uint256):
    raw_revert(abi_encode(c_token, code, method_id=method_id("CompoundRefused(address,uint256)")))


# @dev Raised for a token without listed Compound market, and for a market that does not fit its token.
@internal
@pure
def _unlisted_market(token: address, c_token: address):
    raw_revert(abi_encode(token, c_token, method_id=method_id("UnlistedMarket(address,address)")))


# @dev Raised for ether from anyone but WETH and cETH.
@internal
@pure
def _unexpected_ether(sender: address):
    raw_revert(abi_encode(sender, method_id=method_id("UnexpectedEther(address)")))
