"""The order given to our contract and to 1inch: the same eight words but for maker and domain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from eth_utils.crypto import keccak

from gas_bench.stage import EXPIRATION_S, Call, Stage
from pmm.domain import (
    Address,
    FillFunction,
    MakerTraits,
    OrderDomain,
    RfqOrder,
    SignedOrder,
    SigningKey,
    TakerTraits,
    build_salt,
    encode_fill,
    sign_order,
)

LANE = 1


def traits_word(
    nonce: int,
    *,
    expiration_s: int = EXPIRATION_S,
    allowed_sender: int = 0,
    has_extension: bool = False,
) -> int:
    """Return makerTraits of the benchmark's lane."""
    return MakerTraits.for_quote(
        lane=LANE,
        nonce=nonce,
        expiration_s=expiration_s,
        allowed_sender=allowed_sender,
        has_extension=has_extension,
    ).encode()


def signed_order(
    stage: Stage,
    *,
    maker: str,
    domain: OrderDomain,
    key: SigningKey,
    nonce: int,
    allowed_sender: int = 0,
    extension: bytes = b"",
) -> SignedOrder:
    """Sign the order; the free part of its salt is the first that gives salt and signature no zero byte."""
    for number in count():
        upper = keccak(text=f"pmm gas benchmark salt {number}")[:8]
        order = RfqOrder(
            salt=build_salt(epoch=0, upper=int.from_bytes(upper, "big"), extension=extension),
            maker=Address(maker),
            maker_asset=Address(stage.base),
            taker_asset=Address(stage.quote),
            making_amount=stage.making,
            taking_amount=stage.taking,
            maker_traits=traits_word(
                nonce,
                expiration_s=stage.expiration_s,
                allowed_sender=allowed_sender,
                has_extension=bool(extension),
            ),
        )
        signed = sign_order(order, domain, key, extension)
        if 0 not in upper + signed.signature.to_compact():
            return signed
    raise AssertionError


def fill_call(
    to: str,
    signed: SignedOrder,
    function: FillFunction | None = None,
    core_tokens: Sequence[Address] = (),
) -> Call:
    """Fill the whole order, the amount given as making amount; a contract signature is short with core tokens."""
    data = encode_fill(
        signed,
        amount=signed.order.making_amount,
        taker_traits=TakerTraits(maker_amount=True),
        function=function,
        core_tokens=core_tokens,
    )
    return Call(to=to, data=data)
