# pragma version 0.4.3
"""
@title Errors of DeltaHedger beyond those in hedger_errors.vy
@license Apache-2.0
@dev Custom errors by `raw_revert`: interfaces/DeltaHedgerErrors.json carries their ABI and a test compares the two.
     Each function below always reverts.
"""


# @dev Raised when the caller's role does not allow the call.
@internal
@pure
def _unauthorised(caller: address):
    raw_revert(abi_encode(caller, method_id=method_id("Unauthorised(address)")))


# @dev Raised in the constructor for an address without code.
@internal
@pure
def _not_a_contract(account: address):
    raw_revert(abi_encode(account, method_id=method_id("NotAContract(address)")))


# @dev Raised in the constructor for a lending account that serves another settlement contract.
@internal
@pure
def _foreign_account(account: address):
    raw_revert(abi_encode(account, method_id=method_id("ForeignAccount(address)")))


# @dev Raised for an unknown source, or reserved bits that are set.
@internal
@pure
def _invalid_plan(plan: uint256):
    raw_revert(abi_encode(plan, method_id=method_id("InvalidPlan(uint256)")))


# @dev Raised for an amount of zero, or one that does not fit the signed amounts of Uniswap V3.
@internal
@pure
def _invalid_amount(amount: uint256):
    raw_revert(abi_encode(amount, method_id=method_id("InvalidAmount(uint256)")))


# @dev Raised when the pool runs out of liquidity before the whole amount is swapped.
@internal
@pure
def _pool_too_shallow(pool: address, wanted: uint256, swapped: uint256):
    raw_revert(abi_encode(pool, wanted, swapped, method_id=method_id("PoolTooShallow(address,uint256,uint256)")))


# @dev Raised when the swap is worse than the operator's own limit.
@internal
@pure
def _limit_exceeded(sold: uint256, bought: uint256, limit: uint256):
    raw_revert(abi_encode(sold, bought, limit, method_id=method_id("LimitExceeded(uint256,uint256,uint256)")))


# @dev Raised when a swap brings less than Chainlink's value of what was sold, less the owner's largest cost.
@internal
@pure
def _cost_too_high(fair: uint256, bought: uint256, max_cost_bps: uint256):
    raw_revert(abi_encode(fair, bought, max_cost_bps, method_id=method_id("CostTooHigh(uint256,uint256,uint256)")))


# @dev Raised when the swaps of this and the previous window would exceed the owner's cap.
@internal
@pure
def _notional_cap_exceeded(used: uint256, cap: uint256):
    raw_revert(abi_encode(used, cap, method_id=method_id("NotionalCapExceeded(uint256,uint256)")))


# @dev Raised for limits that do not fit their bits, a window of zero, or a cost of 100 % or more.
@internal
@pure
def _invalid_limits(max_cost_bps: uint256, cap: uint256, window_s: uint256):
    raw_revert(
        abi_encode(max_cost_bps, cap, window_s, method_id=method_id("InvalidLimits(uint256,uint256,uint256)"))
    )


# @dev Raised when a partial close would repay more than is owed.
@internal
@pure
def _repays_too_much(repaid: uint256, debt: uint256):
    raw_revert(abi_encode(repaid, debt, method_id=method_id("RepaysTooMuch(uint256,uint256)")))


# @dev Raised when 1inch's contract names another taker than this contract.
@internal
@pure
def _foreign_taker(taker: address):
    raw_revert(abi_encode(taker, method_id=method_id("ForeignTaker(address)")))


# @dev Raised when a resolved order brings less than it takes, and the operator's minimum profit.
@internal
@pure
def _profit_too_low(found: uint256, needed: uint256):
    raw_revert(abi_encode(found, needed, method_id=method_id("ProfitTooLow(uint256,uint256)")))
