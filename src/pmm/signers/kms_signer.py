"""A key in AWS KMS (ECC_SECG_P256K1): its signatures are DER, either s, without a recovery id."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from pmm.domain import (
    Address,
    OrderDomain,
    RfqOrder,
    Signature,
    address_from_bytes,
    keccak256,
    recover_signer,
)
from pmm.domain.signing import CURVE_ORDER, HALF_CURVE_ORDER
from pmm.errors import InvalidInput, SetupError
from pmm.execution import SignerUnavailable

_THREADS = 8
_ALGORITHM = "ECDSA_SHA_256"


def kms_client(*, region: str | None, endpoint: str | None, timeout_s: float) -> Any:
    """Return a client whose waits and retries are bounded; raise SetupError when AWS is not configured."""
    config = Config(
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=_THREADS,
    )
    try:
        return boto3.client("kms", region_name=region, endpoint_url=endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise SetupError(f"AWS KMS: {error}; set PMM_SIGNER_KMS_REGION and AWS credentials") from error


class KmsSigner:
    """Asks AWS KMS in threads of its own. Closed by :meth:`close`."""

    def __init__(self, client: Any, key_id: str, address: Address, *, timeout_s: float) -> None:
        self._client = client
        self._key_id = key_id
        self._address = address
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="kms")

    @property
    def address(self) -> Address:
        """The address that every signature must recover to."""
        return self._address

    async def sign_order(self, order: RfqOrder, domain: OrderDomain, digest: bytes) -> Signature:
        """Sign an order's digest; raise SignerUnavailable when KMS fails or does not answer in time."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                der = await loop.run_in_executor(self._threads, self._sign, digest)
        except TimeoutError:
            raise SignerUnavailable(
                f"expected a signature of AWS KMS within {self._timeout_s} s, found none; check the network"
            ) from None
        except (BotoCoreError, ClientError) as error:
            raise SignerUnavailable(f"AWS KMS refused: {error}; check key, policy and region") from error
        try:
            return signature_from_der(der, digest, self._address)
        except InvalidInput as error:
            raise SignerUnavailable(str(error)) from error

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _sign(self, digest: bytes) -> bytes:
        answer = self._client.sign(
            KeyId=self._key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=_ALGORITHM
        )
        return bytes(answer["Signature"])


def signature_from_der(der: bytes, digest: bytes, address: Address) -> Signature:
    """Return the low-s form with the parity that recovers to ``address``; raise InvalidInput when neither does."""
    try:
        r, s = decode_dss_signature(der)
    except ValueError as error:
        raise InvalidInput("expected a DER signature of AWS KMS, found something else") from error
    low = CURVE_ORDER - s if s > HALF_CURVE_ORDER else s
    for y_parity in (0, 1):
        signature = Signature(r=r, s=low, y_parity=y_parity)
        try:
            if recover_signer(digest, signature) == address:
                return signature
        except InvalidInput:
            # No point of the curve has this r with this parity.
            continue
    raise InvalidInput(
        f"expected a signature of {address}, found one of another key; check PMM_SIGNER_ADDRESS"
    )


def kms_address(client: Any, key_id: str) -> Address:
    """Return the address of a key in KMS; raise SetupError when there is none or it is of another kind."""
    try:
        der = bytes(client.get_public_key(KeyId=key_id)["PublicKey"])
        key = load_der_public_key(der)
    except (BotoCoreError, ClientError, ValueError, UnsupportedAlgorithm) as error:
        raise SetupError(f"AWS KMS: could not read the public key of {key_id}: {error}") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256K1):
        raise SetupError(f"AWS KMS: expected a key of ECC_SECG_P256K1 (SIGN_VERIFY), found another: {key_id}")
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return address_from_bytes(keccak256(point[1:])[12:])
