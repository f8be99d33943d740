"""What a node's answer to ``eth_sendRawTransaction`` tells: taken, refused, or nothing."""

from __future__ import annotations

from pmm.chain.rpc import RpcError
from pmm.chain.sender.records import TransactionState

# Words of go-ethereum, reth, Nethermind, Erigon and anvil for what they will not even keep.
_REFUSALS = (
    "insufficient funds",
    "intrinsic gas too low",
    "exceeds block gas limit",
    "gas limit reached",
    "max fee per gas less than block base fee",
    "feetoolow",
    "transaction underpriced",
    "max priority fee per gas higher than max fee per gas",
    "txpool is full",
    "transaction pool is full",
)


def state_after_error(error: Exception) -> tuple[TransactionState, str]:
    """Return the state after an attempt was not simply taken, and what the node said.

    Only words that say that the node kept nothing mean "not sent". "already known", "nonce too low", "replacement
    transaction underpriced", a lost answer and whatever is not in the list leave it unknown: the chain decides.
    """
    said = str(error)
    if isinstance(error, RpcError):
        words = said.lower()
        # A replacement that is refused leaves what it was to replace where it is.
        if "replacement" not in words and any(one in words for one in _REFUSALS):
            return TransactionState.RECORDED, said
    return TransactionState.UNKNOWN, said
