"""The accident on mainnet: every combination that could cause it is refused with a remedy."""

from dataclasses import replace

import pytest

from pmm.domain import RefusalReason, Signature, SigningKey, recover_signer
from pmm.errors import UnsafeToSign
from pmm.execution import GuardedSigner, SigningMode, choose_signing_mode
from tests.helpers.quoting import ANVIL, GETH, chain_view, signing_key


def test_choose_signing_mode__anvil_without_key__signs_for_this_run_only() -> None:
    mode = choose_signing_mode(node=ANVIL, record_chain_id=1, live=False, keystore=False)
    assert mode is SigningMode.DEVELOPMENT


def test_choose_signing_mode__real_node_with_switch_and_keystore__is_live() -> None:
    mode = choose_signing_mode(node=GETH, record_chain_id=1, live=True, keystore=True)
    assert mode is SigningMode.LIVE


def test_choose_signing_mode__keystore_on_anvil__is_refused() -> None:
    with pytest.raises(UnsafeToSign, match="Unset PMM_KEYSTORE"):
        choose_signing_mode(node=ANVIL, record_chain_id=1, live=False, keystore=True)


def test_choose_signing_mode__keystore_and_switch_on_anvil__is_refused() -> None:
    with pytest.raises(UnsafeToSign, match="Unset PMM_KEYSTORE"):
        choose_signing_mode(node=ANVIL, record_chain_id=1, live=True, keystore=True)


def test_choose_signing_mode__live_switch_on_anvil__is_refused() -> None:
    with pytest.raises(UnsafeToSign, match="unset PMM_LIVE"):
        choose_signing_mode(node=ANVIL, record_chain_id=1, live=True, keystore=False)


def test_choose_signing_mode__real_node_without_switch__is_refused() -> None:
    with pytest.raises(UnsafeToSign, match="PMM_LIVE=1"):
        choose_signing_mode(node=GETH, record_chain_id=1, live=False, keystore=True)


def test_choose_signing_mode__real_node_without_keystore__is_refused() -> None:
    with pytest.raises(UnsafeToSign, match="encrypted keystore"):
        choose_signing_mode(node=GETH, record_chain_id=1, live=True, keystore=False)


@pytest.mark.parametrize("node", [ANVIL, GETH])
def test_choose_signing_mode__record_of_another_chain__is_refused(node: object) -> None:
    with pytest.raises(UnsafeToSign, match="same chain"):
        choose_signing_mode(node=node, record_chain_id=10, live=True, keystore=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "now", [GETH, replace(ANVIL, chain_id=5)], ids=["a real node instead", "another chain"]
)
def test_check__another_node_answers__is_refused(now: object) -> None:
    signer = GuardedSigner(signing_key(), mode=SigningMode.DEVELOPMENT, node=ANVIL)
    assert signer.check(chain_view()).accepted
    decision = signer.check(chain_view(node=now))
    assert decision.reason is RefusalReason.UNSAFE_TO_SIGN
    assert "restart the server" in decision.detail


def test_check__node_upgraded_in_place__is_accepted() -> None:
    signer = GuardedSigner(signing_key(), mode=SigningMode.DEVELOPMENT, node=ANVIL)
    assert signer.check(chain_view(node=replace(ANVIL, client_version="anvil/v9"))).accepted


def test_sign__good_key__recovers_to_the_signer() -> None:
    signer = GuardedSigner(signing_key(), mode=SigningMode.DEVELOPMENT, node=ANVIL)
    digest = b"\x07" * 32
    assert recover_signer(digest, signer.sign(digest)) == signer.address


class _BrokenKey:
    """A key whose signatures are another's, as after a bit flip."""

    address = signing_key().address

    def sign(self, digest: bytes) -> Signature:
        return SigningKey(b"\x02" * 32).sign(digest)


def test_sign__signature_of_another_key__is_refused() -> None:
    signer = GuardedSigner(_BrokenKey(), mode=SigningMode.DEVELOPMENT, node=ANVIL)  # type: ignore[arg-type]
    told: list[str] = []
    signer.on_fault = told.append
    with pytest.raises(UnsafeToSign, match="check the machine"):
        signer.sign(b"\x07" * 32)
    assert len(told) == 1
