"""Reading the parts that every protocol has: a JSON body, a token, an amount in base units."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pmm.domain import RefusalReason, Token, TokenRegistry, parse_address
from pmm.domain.words import check_uint, parse_uint
from pmm.errors import InvalidInput
from pmm.relayers.refusals import WireRefusal, bad_request

T = TypeVar("T")
_MOST_DIGITS = 100


def read_json(decoder: msgspec.json.Decoder[T], body: bytes) -> T | WireRefusal:
    """Read a body, or say why it is none; never raises."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        return bad_request("invalid_request", str(error))
    except RecursionError:
        return bad_request("invalid_json", "found JSON nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return bad_request("invalid_json", str(error))


def find_token(tokens: TokenRegistry, text: str, name: str) -> Token | WireRefusal:
    """Return the token at an address, or the refusal; raises InvalidInput for what is no address."""
    token = tokens.find(parse_address(text, name))
    if token is not None:
        return token
    known = ", ".join(token.symbol for token in tokens)
    return WireRefusal(
        status=422,
        code=RefusalReason.UNKNOWN_TOKEN.value,
        message=f"{name}: {text} is not a token we deal in; known are {known}",
        remedy="use the tokens that our levels name",
    )


def read_amount(text: str | None, name: str) -> int | None:
    """Return base units of a decimal string; raises InvalidInput for hex, signs, points and exponents."""
    if text is None:
        return None
    # As nearly all are. Of digits that are none of ASCII's, or too many, the parser below says what is wrong.
    if len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit():
        return check_uint(int(text), name)
    if text.startswith("0x"):
        raise InvalidInput(f"{name}: expected a decimal string, found hex {text[:20]!r}")
    if "." in text or "e" in text.lower():
        raise InvalidInput(
            f"{name}: expected base units as a decimal string, found {text[:40]!r}; "
            "whole tokens times 10 to the power of the token's decimals"
        )
    return parse_uint(text, name)
