"""AWS KMS, played by moto: DER, either s, no recovery id."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey

from pmm.domain import SigningKey, order_hash, recover_signer
from pmm.domain.signing import CURVE_ORDER, HALF_CURVE_ORDER
from pmm.errors import InvalidInput, SetupError, UnsafeToSign
from pmm.execution import SignerUnavailable, SigningMode
from pmm.server.signing_key import order_key
from pmm.settings import load_settings
from pmm.signers.kms_signer import KmsSigner, kms_address, kms_client, signature_from_der
from tests.helpers.quoting import signing_key
from tests.unit.signers.test_order_limits import good_order

_DIGEST = b"\x07" * 32


def _as_kms_signs_digests(key: Any, message: bytes, signing_algorithm: str) -> bytes:
    """Sign what is given: moto hashes it again whatever MessageType says (it documents that as not implemented)."""
    assert signing_algorithm == "ECDSA_SHA_256"
    return bytes(key.private_key.sign(message, ec.ECDSA(Prehashed(SHA256()))))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(ECDSAPrivateKey, "sign", _as_kms_signs_digests)
    with mock_aws():
        yield kms_client(region="eu-central-1", endpoint=None, timeout_s=2.0)


def _key(client: Any, spec: str = "ECC_SECG_P256K1") -> str:
    return str(client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"])


def test_sign_order__many_digests__recover_to_the_keys_address_in_low_s(client: Any) -> None:
    key_id = _key(client)
    address = kms_address(client, key_id)
    order, domain = good_order()

    async def run() -> None:
        signer = KmsSigner(client, key_id, address, timeout_s=5.0)
        for number in range(20):
            # KMS signs whatever digest it is given: high and low s, both parities come up.
            digest = bytes([number]) * 32
            signature = await signer.sign_order(order, domain, digest)
            assert recover_signer(digest, signature) == address
            assert signature.s <= HALF_CURVE_ORDER
        digest = order_hash(order, domain)
        assert recover_signer(digest, await signer.sign_order(order, domain, digest)) == address
        await signer.close()

    asyncio.run(run())


@pytest.mark.parametrize("high", [False, True])
def test_signature_from_der__either_s__is_the_low_form(high: bool) -> None:
    key = signing_key()
    good = key.sign(_DIGEST)
    der = encode_dss_signature(good.r, CURVE_ORDER - good.s if high else good.s)
    assert signature_from_der(der, _DIGEST, key.address) == good


@pytest.mark.parametrize(
    "der",
    [b"", b"\x30", b"not der at all", encode_dss_signature(1, 1), encode_dss_signature(CURVE_ORDER, 1)],
)
def test_signature_from_der__nonsense__is_refused(der: bytes) -> None:
    with pytest.raises(InvalidInput):
        signature_from_der(der, _DIGEST, signing_key().address)


def test_signature_from_der__other_key__is_refused() -> None:
    other = SigningKey(b"\x02" * 32).sign(_DIGEST)
    with pytest.raises(InvalidInput, match="another key"):
        signature_from_der(encode_dss_signature(other.r, other.s), _DIGEST, signing_key().address)


def test_kms_address__other_curve_or_no_key__is_refused(client: Any) -> None:
    with pytest.raises(SetupError, match="ECC_SECG_P256K1"):
        kms_address(client, _key(client, "ECC_NIST_P256"))
    with pytest.raises(SetupError, match="public key"):
        kms_address(client, "00000000-0000-0000-0000-000000000000")


def test_order_key__kms_key_of_another_address__is_refused(client: Any) -> None:
    settings = {"kms_key_id": _key(client), "kms_region": "eu-central-1", "address": "0x" + "77" * 20}
    with pytest.raises(UnsafeToSign, match="PMM_SIGNER_ADDRESS"):
        order_key(load_settings({"signer": settings}), SigningMode.LIVE)


def test_order_key__kms_key__is_taken(client: Any) -> None:
    key_id = _key(client)
    address = kms_address(client, key_id)
    settings = {"kms_key_id": key_id, "kms_region": "eu-central-1", "address": address}
    assert order_key(load_settings({"signer": settings}), SigningMode.LIVE).address == address


def test_sign_order__request__says_that_it_is_a_digest() -> None:
    asked: dict[str, Any] = {}

    class Client:
        def sign(self, **request: Any) -> Any:
            asked.update(request)
            signature = signing_key().sign(request["Message"])
            return {"Signature": encode_dss_signature(signature.r, signature.s)}

    order, domain = good_order()
    signer = KmsSigner(Client(), "id", signing_key().address, timeout_s=5.0)
    digest = order_hash(order, domain)
    asyncio.run(signer.sign_order(order, domain, digest))
    assert asked == {
        "KeyId": "id",
        "Message": digest,
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    }


class _Broken:
    """A client whose network is gone, or that hangs."""

    def __init__(self, hangs_s: float = 0.0) -> None:
        self._hangs_s = hangs_s

    def sign(self, **_: Any) -> Any:
        if self._hangs_s:
            time.sleep(self._hangs_s)
        raise ConnectTimeoutError(endpoint_url="https://kms")


@pytest.mark.parametrize(("hangs_s", "said"), [(0.0, "AWS KMS refused"), (0.5, "within 0.05 s")])
def test_sign_order__kms_gone_or_hanging__is_refused_in_time(hangs_s: float, said: str) -> None:
    order, domain = good_order()

    async def run() -> None:
        signer = KmsSigner(_Broken(hangs_s), "id", signing_key().address, timeout_s=0.05 if hangs_s else 5.0)
        with pytest.raises(SignerUnavailable, match=said):
            await signer.sign_order(order, domain, order_hash(order, domain))
        await signer.close()

    asyncio.run(run())


def test_kms_client__waits_and_retries__are_bounded() -> None:
    config = kms_client(region="eu-central-1", endpoint=None, timeout_s=0.7).meta.config
    assert (config.connect_timeout, config.read_timeout) == (0.7, 0.7)
    assert config.retries["total_max_attempts"] == 2


def test_order_key__keystore_and_remote__is_refused() -> None:
    settings = load_settings(
        {"keystore": "k.json", "signer": {"socket": "/s", "address": signing_key().address}}
    )
    with pytest.raises(UnsafeToSign, match="expected one signer"):
        order_key(settings, SigningMode.LIVE)


def test_order_key__socket_that_is_none__says_how_to_start_it() -> None:
    settings = load_settings({"signer": {"socket": "/nowhere/s", "address": signing_key().address}})
    with pytest.raises(SetupError, match="pmm signer serve"):
        order_key(settings, SigningMode.LIVE)
