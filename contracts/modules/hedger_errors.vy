# pragma version 0.4.3
"""
@title Errors of AtomicHedger
@license Apache-2.0
@dev Custom errors by `raw_revert`: Vyper 0.4.3 has no error declarations, so interfaces/AtomicHedgerErrors.json
     carries their ABI and a test compares the two. Each function below always reverts.
"""


# @dev Raised when anyone but the settlement contract asks for a fill.
@internal
@pure
def _not_settlement(caller: address):
    raw_revert(abi_encode(caller, method_id=method_id("NotSettlement(address)")))


# @dev Raised in the constructor for an address without code.
@internal
@pure
def _not_a_contract(account: address):
    raw_revert(abi_encode(account, method_id=method_id("NotAContract(address)")))


# @dev Raised for a source or leg this contract does not know, and for bits that the plan has no use for.
@internal
@pure
def _invalid_plan(plan: uint256):
    raw_revert(abi_encode(plan, method_id=method_id("InvalidPlan(uint256)")))


# @dev Raised for a route of another length than the plan asks for.
@internal
@pure
def _invalid_route(expected: uint256, found: uint256):
    raw_revert(abi_encode(expected, found, method_id=method_id("InvalidRoute(uint256,uint256)")))


# @dev Raised for a signed order that does not sell the maker asset for the taker asset.
@internal
@pure
def _foreign_order(maker_asset: uint256, taker_asset: uint256):
    raw_revert(abi_encode(maker_asset, taker_asset, method_id=method_id("ForeignOrder(uint256,uint256)")))


# @dev Raised when the taker names the hedger itself: what arrives there is swept to the settlement contract.
@internal
@pure
def _invalid_receiver(receiver: address):
    raw_revert(abi_encode(receiver, method_id=method_id("InvalidReceiver(address)")))


# @dev Raised for an amount of zero or one that does not fit the signed amounts of the pools.
@internal
@pure
def _invalid_amount(amount: uint256):
    raw_revert(abi_encode(amount, method_id=method_id("InvalidAmount(uint256)")))


# @dev Raised when the factory never deployed the pool that the plan names.
@internal
@pure
def _pool_not_found(token_in: address, token_out: address, fee: uint256):
    raw_revert(abi_encode(token_in, token_out, fee, method_id=method_id("PoolNotFound(address,address,uint24)")))


# @dev Raised when a pool, or the contract a signed order is filled on, trades less than the whole amount.
@internal
@pure
def _pool_too_shallow(pool: address, wanted: uint256, received: uint256):
    raw_revert(abi_encode(pool, wanted, received, method_id=method_id("PoolTooShallow(address,uint256,uint256)")))


# @dev Raised when a callback does not match the open ticket in caller, token, amount or data, or none is open.
@internal
@pure
def _unexpected_callback(caller: address, token: address, amount: uint256):
    raw_revert(
        abi_encode(caller, token, amount, method_id=method_id("UnexpectedCallback(address,address,uint256)"))
    )


# @dev Raised when somebody else took the Aave loan and named this contract as its receiver.
@internal
@pure
def _unexpected_initiator(initiator: address):
    raw_revert(abi_encode(initiator, method_id=method_id("UnexpectedInitiator(address)")))


# @dev Raised when the lender returns without having called back.
@internal
@pure
def _callback_missing(lender: address):
    raw_revert(abi_encode(lender, method_id=method_id("CallbackMissing(address)")))


# @dev Raised for ether from anyone but WETH and the Uniswap V4 manager.
@internal
@pure
def _unexpected_ether(sender: address):
    raw_revert(abi_encode(sender, method_id=method_id("UnexpectedEther(address)")))


# @dev Raised when a token answers false to `transfer`.
@internal
@pure
def _transfer_refused(token: address, receiver: address, amount: uint256):
    raw_revert(
        abi_encode(token, receiver, amount, method_id=method_id("TransferRefused(address,address,uint256)"))
    )


# @dev Raised when a token answers false to `approve`.
@internal
@pure
def _approval_refused(token: address, spender: address, amount: uint256):
    raw_revert(
        abi_encode(token, spender, amount, method_id=method_id("ApprovalRefused(address,address,uint256)"))
    )
