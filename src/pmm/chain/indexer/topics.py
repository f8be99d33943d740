"""Events that the indexer knows, by their first topic: those of our contracts, 1inch, Aave V3, Compound V2, ERC-20.

Signatures are those of contracts/interfaces/ISettlementEvents.sol and of the protocols' published sources:
limit-order-protocol 4.0 (IOrderMixin.sol, SeriesEpochManager.sol), aave core-v3 (IPool.sol), compound-protocol
(CTokenInterfaces.sol).
"""

from __future__ import annotations

from pmm.domain.native_backends import keccak256


def topic(signature: str) -> str:
    """Return the first topic of ``Name(type,...)``, as nodes write it."""
    return "0x" + keccak256(signature.encode()).hex()


SETTLEMENT_FILLED = topic("OrderFilled(bytes32,address,address,address,uint256,uint256)")
ROUTER_FILLED = topic("OrderFilled(bytes32,uint256)")
TRANSFER = topic("Transfer(address,address,uint256)")
# WETH9 wraps and unwraps without a Transfer: the balance changes all the same.
WETH_DEPOSIT = topic("Deposit(address,uint256)")
WETH_WITHDRAWAL = topic("Withdrawal(address,uint256)")

SETTLEMENT_CANCELS = {
    topic(signature): signature.partition("(")[0]
    for signature in (
        "LanesInitialised(address,uint256)",
        "SignerPaused(address)",
        "SignerResumed(address)",
        "SignerRevoked(address)",
        "AllLanesCancelled(address)",
        "LaneCancelled(address,uint256,uint256)",
        "NonceCancelled(uint256)",
        "WindowCancelled(uint256,uint256)",
    )
}
"""What changes which signatures are good, by topic."""
ROUTER_CANCELS = {
    topic(signature): signature.partition("(")[0]
    for signature in (
        "BitInvalidatorUpdated(address,uint256,uint256)",
        "EpochIncreased(address,uint256,uint256)",
    )
}
"""Events that carry the maker as their second topic."""

AAVE_SUPPLY = topic("Supply(address,address,address,uint256,uint16)")
AAVE_WITHDRAW = topic("Withdraw(address,address,address,uint256)")
AAVE_BORROW = topic("Borrow(address,address,address,uint256,uint8,uint256,uint16)")
AAVE_REPAY = topic("Repay(address,address,address,uint256,bool)")
AAVE_LIQUIDATION = topic("LiquidationCall(address,address,address,uint256,uint256,address,bool)")

COMPOUND_MINT = topic("Mint(address,uint256,uint256)")
COMPOUND_REDEEM = topic("Redeem(address,uint256,uint256)")
COMPOUND_BORROW = topic("Borrow(address,uint256,uint256,uint256)")
COMPOUND_REPAY = topic("RepayBorrow(address,address,uint256,uint256,uint256)")
COMPOUND_LIQUIDATION = topic("LiquidateBorrow(address,address,uint256,address,uint256)")
