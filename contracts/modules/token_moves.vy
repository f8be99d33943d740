# pragma version 0.4.3
"""
@title Token moves that also work with tokens that return nothing
@license Apache-2.0
@dev A missing answer counts as success (USDT), an answer of false is an error, a codeless token reverts.
"""
from ethereum.ercs import IERC20

from . import hedger_errors


@internal
def _send(token: address, receiver: address, amount: uint256):
    if not extcall IERC20(token).transfer(receiver, amount, default_return_value=True):
        hedger_errors._transfer_refused(token, receiver, amount)


@internal
def _approve_exactly(token: address, spender: address, amount: uint256):
    """
    @dev The spender is a lender that pulls exactly this amount before its call returns, which leaves zero:
         USDT refuses to change an allowance that is not zero.
    """
    if not extcall IERC20(token).approve(spender, amount, default_return_value=True):
        hedger_errors._approval_refused(token, spender, amount)


@internal
@view
def _held(token: address) -> uint256:
    return staticcall IERC20(token).balanceOf(self)
