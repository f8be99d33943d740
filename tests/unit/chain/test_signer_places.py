"""A settlement contract has sixteen places for signers: a run takes one and gives it back."""

from typing import Any

import pytest
from eth_abi.abi import encode

from pmm.chain.abi import selector
from pmm.chain.signer_keys import MAX_SIGNERS, register_by_impersonation, revoke_by_impersonation
from pmm.domain import Address, address_from_bytes
from pmm.errors import ChainError
from tests.helpers.quoting import MAKER, TAKER

_OWNER = address_from_bytes(b"\x99" * 20)
_REVOKE, _INIT = selector("revokeSigner(address)").hex(), selector("initLanes(address,uint256)").hex()


def _signer(number: int) -> Address:
    return address_from_bytes(number.to_bytes(20, "big"))


class _Anvil:
    """A settlement contract with signers; ``sent`` collects (function, signer) of every transaction."""

    shown_url = "http://node"

    def __init__(self, signers: list[Address]) -> None:
        self._signers = signers
        self.sent: list[tuple[str, str]] = []

    def call(self, method: str, *params: Any) -> Any:
        if method == "eth_call":
            return "0x" + self._view(params[0]["data"][2:10]).hex()
        if method == "eth_getBalance":
            return hex(10**20)
        if method == "eth_sendTransaction":
            data = params[0]["data"][2:]
            self.sent.append((data[:8], "0x" + data[32:72]))
            return "0x01"
        return {"status": "0x1"} if method == "eth_getTransactionReceipt" else None

    def _view(self, function: str) -> bytes:
        if function == selector("owner()").hex():
            return encode(("address",), (_OWNER,))
        assert function == selector("signerList()").hex()
        return encode(("address[]",), (self._signers,))


def _registered(signers: list[Address], *, keep: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    node: Any = _Anvil(signers)
    register_by_impersonation(node, MAKER, TAKER, lanes=4, keep=keep)
    return list(node.sent)


def test_register__place_free__takes_it() -> None:
    signers = [_signer(number) for number in range(1, MAX_SIGNERS)]
    assert _registered(signers) == [(_INIT, TAKER.lower())]


def test_register__no_place_free__takes_that_of_the_first_run_left_behind() -> None:
    signers = [_signer(number) for number in range(1, MAX_SIGNERS + 1)]
    keep = (signers[0].upper().replace("0X", "0x"), signers[1])
    assert _registered(signers, keep=keep) == [(_REVOKE, signers[2].lower()), (_INIT, TAKER.lower())]


def test_register__every_place_of_the_record__is_refused() -> None:
    signers = [_signer(number) for number in range(1, MAX_SIGNERS + 1)]
    with pytest.raises(ChainError, match="start a fresh fork"):
        _registered(signers, keep=tuple(signers))


def test_revoke__run_ends__gives_its_place_back() -> None:
    node: Any = _Anvil([TAKER])
    revoke_by_impersonation(node, MAKER, TAKER)
    assert node.sent == [(_REVOKE, TAKER.lower())]
