"""The plainest quote server: FastAPI, pydantic, a fixed price, ``sign_typed_data``; no risk, no journal."""

from __future__ import annotations

import secrets
import sys
import time
from typing import Any

import uvicorn
from eth_account import Account
from fastapi import FastAPI
from pydantic import BaseModel

from pmm.domain import MakerTraits, RfqOrder, build_salt, oneinch_domain, parse_address, typed_data

_PRICE_USD = 2_500
_account = Account.create()
_domain = oneinch_domain()
_nonces = iter(range(2**40))


class OrderBody(BaseModel):
    """What our own server reads, too."""

    baseToken: str  # noqa: N815 - the name on the wire
    quoteToken: str  # noqa: N815 - the name on the wire
    taker: str
    feeBps: int = 0  # noqa: N815 - the name on the wire
    amount: str | None = None
    quoteAmount: str | None = None  # noqa: N815 - the name on the wire


app = FastAPI()


@app.post("/order")
async def order(body: OrderBody) -> dict[str, Any]:
    """Sign an order at a fixed price."""
    given = int(body.amount or body.quoteAmount or 0)
    other = given * _PRICE_USD // 10**12 if given > 10**12 else given * 10**12 // _PRICE_USD
    taking, making = (given, other) if body.amount else (other, given)
    traits = MakerTraits.for_quote(lane=0, nonce=next(_nonces), expiration_s=int(time.time()) + 30)
    signed = RfqOrder(
        salt=build_salt(epoch=0, upper=secrets.randbits(64)),
        maker=parse_address(_account.address, "maker"),
        maker_asset=parse_address(body.quoteToken, "quoteToken"),
        taker_asset=parse_address(body.baseToken, "baseToken"),
        making_amount=making,
        taking_amount=taking,
        maker_traits=traits.encode(),
    )
    signature = _account.sign_typed_data(full_message=typed_data(signed, _domain)).signature
    return {"order": signed.to_dict(), "signature": signature.to_0x_hex()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
