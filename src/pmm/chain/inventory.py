"""What the settlement contract holds, may pay through 1inch, settles, and which nonces are dead."""

from __future__ import annotations

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.web3_node import Call, Web3Node, word
from pmm.domain import Address, Token
from pmm.errors import ChainError
from pmm.execution import LaneState

_OWNER = "owner()"
_HEDGER = "hedger()"
_SIGNERS = "signerList()"
_REVOKE = "revokeSigner(address)"
_INIT_LANES = "initLanes(address,uint256)"
_IS_REGISTERED = "isRegistered(address)"
_LANE_WORD = "laneWord(address,uint64)"
_LANE_COUNT = "numberOfLanes(address)"
SETTLEMENT_CALLS = (_OWNER, _HEDGER, _SIGNERS, _REVOKE, _INIT_LANES, _IS_REGISTERED, _LANE_WORD, _LANE_COUNT)
"""Functions of RfqSettlement that the server calls; a test compares them with the contract's ABI."""

# Bits of a lane word; table in contracts/README.md.
_AUTHORISED, _PAUSED, _CAPS = 1 << 255, 1 << 254, 1 << 249
_MAX_EXPIRY_SHIFT, _EPOCH_SHIFT, _BASE_SHIFT = 224, 192, 160
_MASK_16, _MASK_32, _MASK_160 = (1 << 16) - 1, (1 << 32) - 1, (1 << 160) - 1
# Words of 1inch's nonce bitmap looked at in one go when the journal does not know where we stopped.
_WORDS_PER_LOOK = 256


def balance_call(token: Token, holder: Address) -> Call:
    """Return the call of a balance."""
    return token.address, encode_call("balanceOf(address)", holder)


def router_allowance_call(token: Token, owner: Address) -> Call:
    """Return the call of what 1inch's contract may take."""
    return token.address, encode_call("allowance(address,address)", owner, ONEINCH_ROUTER)


def registered_call(token: Token, settlement: Address) -> Call:
    """Return the call of whether the settlement contract settles a token."""
    return settlement, encode_call(_IS_REGISTERED, token.address)


def lane_call(settlement: Address, signer: Address, lane: int) -> Call:
    """Return the call of one lane word."""
    return settlement, encode_call(_LANE_WORD, signer, lane)


def lane_state(lane: int, answer: bytes | None) -> LaneState:
    """Read a lane; raises ChainError when the settlement contract did not answer."""
    lane_word = word(answer, what=f"lane {lane} of the settlement contract")
    return LaneState(
        lane=lane,
        authorised=bool(lane_word & _AUTHORISED),
        paused=bool(lane_word & _PAUSED),
        epoch=lane_word >> _EPOCH_SHIFT & _MASK_32,
        base=lane_word >> _BASE_SHIFT & _MASK_32,
        window=lane_word & _MASK_160,
        max_expiry_s=lane_word >> _MAX_EXPIRY_SHIFT & _MASK_16,
        caps=bool(lane_word & _CAPS),
    )


def router_word_call(maker: Address, nonce: int) -> Call:
    """Return the call of the word of 1inch's nonce bitmap that holds ``nonce``."""
    return ONEINCH_ROUTER, encode_call("bitInvalidatorForOrder(address,uint256)", maker, nonce)


def owner_call(settlement: Address) -> Call:
    """Return the call of the settlement contract's owner."""
    return settlement, encode_call(_OWNER)


def hedger_call(settlement: Address) -> Call:
    """Return the call of the contract that funds fills of the settlement contract."""
    return settlement, encode_call(_HEDGER)


def signers_call(settlement: Address) -> Call:
    """Return the call of the settlement contract's active signers."""
    return settlement, encode_call(_SIGNERS)


def signers_of(answer: bytes) -> tuple[str, ...]:
    """Return the active signers in the answer to :func:`signers_call`; raises ChainError for another answer."""
    try:
        (signers,) = decode_result(("address[]",), answer)
    except DecodingError as error:
        raise ChainError(f"expected the signers of the settlement contract, found {error}") from error
    return tuple(signers)


def revoke_call(settlement: Address, signer: str) -> Call:
    """Return the owner's transaction that takes a signer's lanes away."""
    return settlement, encode_call(_REVOKE, signer)


def init_lanes_call(settlement: Address, signer: Address, lanes: int) -> Call:
    """Return the owner's transaction that opens lanes for a signer."""
    return settlement, encode_call(_INIT_LANES, signer, lanes)


def lane_count_call(settlement: Address, signer: Address) -> Call:
    """Return the call of how many lanes the owner opened for a signer."""
    return settlement, encode_call(_LANE_COUNT, signer)


def lane_count(node: Web3Node, settlement: Address, signer: Address) -> int:
    """Return how many lanes the owner opened for a signer."""
    (answer,) = node.multicall([lane_count_call(settlement, signer)], block="latest")
    return word(answer, what=f"number of lanes of {settlement}")


def first_unused_router_nonce(node: Web3Node, maker: Address, *, known: int) -> int:
    """Return the first nonce that is neither below ``known`` nor below a dead one.

    ``known`` is the journal's next nonce. Where the chain shows that it is out of date (the journal was lost),
    the answer is the start of the block of 256 behind the last word in use, as long as no gap between used
    words is longer than 256 words (65,536 quotes without one fill).
    """
    start = known >> 8
    last_used, last_word = -1, 0
    while True:
        words = range(start, start + _WORDS_PER_LOOK)
        answers = node.multicall([router_word_call(maker, index << 8) for index in words], block="latest")
        values = [word(answer, what="1inch's nonce bitmap") for answer in answers]
        used = [(index, value) for index, value in zip(words, values, strict=True) if value]
        if not used:
            break
        last_used, last_word = used[-1]
        start = last_used + 1
    if last_used < known >> 8 or (last_used == known >> 8 and last_word >> (known & 0xFF) == 0):
        return known
    return (last_used + 1) << 8
