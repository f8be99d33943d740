# pragma version 0.4.3
"""
@title One-shot ticket for the callback of a lender or pool
@license Apache-2.0
@dev A callback runs while the entry point holds the lock, so the lock cannot protect it. The ticket does: it
     is written just before the call to the lender, names that lender, the token, the amount (zero for a swap of
     Uniswap V3, whose answer is held against it afterwards) and the data of
     the one callback that may follow, and is wiped by it. One word of transient storage holds the hash of
     the four; zero means that no callback is expected. A lender's ticket is used up before the swap inside
     its callback opens the next, so one word serves both.
"""
from . import hedger_errors

_commitment: transient(bytes32)


@internal
def _open(lender: address, token: address, amount: uint256, data_hash: bytes32):
    self._commitment = keccak256(abi_encode(lender, token, amount, data_hash))


@internal
def _redeem(caller: address, token: address, amount: uint256, data_hash: bytes32):
    """
    @dev Raises UnexpectedCallback unless this is the callback that the open ticket names.
    """
    if self._commitment != keccak256(abi_encode(caller, token, amount, data_hash)):
        hedger_errors._unexpected_callback(caller, token, amount)
    self._commitment = empty(bytes32)


@internal
@view
def _require_redeemed(lender: address):
    """
    @dev Raises CallbackMissing while a ticket is open.
    """
    if self._commitment != empty(bytes32):
        hedger_errors._callback_missing(lender)
