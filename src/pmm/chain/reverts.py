"""Revert data in words: the error's name, its arguments, what was expected and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, selector
from pmm.chain.revert_sentences import ROUTER_SENTENCES, SENTENCES
from pmm.domain import MAINNET_TOKENS, parse_address, to_hex
from pmm.domain.unix_time import utc_text
from pmm.errors import InvalidInput

ABI_FOLDER = Path(__file__).with_name("abis")
_ERROR, _PANIC = "Error(string)", "Panic(uint256)"
# Source: Solidity documentation, "Panic via assert and Error via require".
_PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflowed",
    0x12: "a division by zero",
    0x21: "a number that names no member of an enum",
    0x22: "storage that is encoded wrongly",
    0x31: "pop of an empty array",
    0x32: "an index out of range",
    0x41: "too much memory",
    0x51: "a call of an uninitialised function",
}
# Deeper nesting is somebody's trick.
_DEPTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AbiError:
    """A custom error of one of our contracts; argument names are those of its ABI."""

    contract: str
    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def signature(self) -> str:
        """Name and types, of which the selector is made."""
        return f"{self.name}({','.join(self.types)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """Revert data, decoded. ``sentence`` says what was expected, what was found and what to do."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    sentence: str

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" if name else value for name, value in self.arguments)
        return f"{self.name}({shown}): {self.sentence}"


def abi_errors(folder: Path = ABI_FOLDER) -> Iterator[AbiError]:
    """Yield the custom errors of every ABI in ``folder``: contracts' ABIs and the error ABIs of Vyper contracts."""
    for path in sorted(folder.glob("*.json")):
        for entry in json.loads(path.read_text()):
            if entry["type"] == "error":
                yield AbiError(
                    contract=path.stem.removesuffix("Errors"),
                    name=entry["name"],
                    names=tuple(item["name"] for item in entry["inputs"]),
                    types=tuple(item["type"] for item in entry["inputs"]),
                )


@lru_cache(maxsize=1)
def _known() -> dict[bytes, AbiError]:
    router = [
        AbiError(contract="1inch", name=signature.partition("(")[0], names=(), types=())
        for signature in ROUTER_SENTENCES
    ]
    # Ours last: BadSignature() is in both.
    return {selector(error.signature): error for error in (*router, *abi_errors())}


def explain_revert(data: bytes, *, depth: int = 0) -> Revert:
    """Decode revert data; what is not known is said to be unknown, never guessed."""
    if not data:
        return Revert(
            name="no reason",
            arguments=(),
            sentence="the call reverted without data: a contract without that function, a bare revert, or not "
            "enough gas",
        )
    if len(data) < 4:
        return _unknown(data, "fewer bytes than an error's selector has")
    body = data[4:]
    if data[:4] == selector(_ERROR):
        return _decoded(_ERROR, ("message",), ("string",), body, "another contract refused with these words")
    if data[:4] == selector(_PANIC):
        return _panic(body)
    error = _known().get(data[:4])
    if error is None:
        return _unknown(data, "an error that is none of ours or 1inch's; it comes from a token or a pool")
    sentence = SENTENCES.get(error.signature) or ROUTER_SENTENCES[error.signature]
    return _decoded(error.signature, error.names, error.types, body, sentence, depth)


def _panic(body: bytes) -> Revert:
    code = int.from_bytes(body[:32], "big")
    sentence = f"{_PANICS.get(code, 'an unknown fault')}, a fault of the contract; report it"
    return Revert(name="Panic", arguments=(("code", f"0x{code:02x}"),), sentence=sentence)


def _unknown(data: bytes, why: str) -> Revert:
    shown = to_hex(data[:68]) + ("..." if len(data) > 68 else "")
    return Revert(name="unknown error", arguments=(("", shown),), sentence=why)


def _decoded(
    signature: str,
    names: Iterable[str],
    types: tuple[str, ...],
    body: bytes,
    sentence: str,
    depth: int = 0,
) -> Revert:
    try:
        values = decode_result(types, body)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return _unknown(selector(signature) + body, f"the arguments of {signature} are cut or malformed")
    found = [_Argument(value, kind, depth) for value, kind in zip(values, types, strict=True)]
    named = dict(zip(names, found, strict=True))
    return Revert(
        name=signature.partition("(")[0],
        arguments=tuple((name, str(argument)) for name, argument in named.items()),
        sentence=Formatter().vformat(sentence, found, named),
    )


class _Argument:
    """A value that shows itself in one of the forms that the sentences name."""

    def __init__(self, value: Any, kind: str, depth: int) -> None:
        self.value, self.kind, self.depth = value, kind, depth

    def __str__(self) -> str:
        if self.kind == "address":
            return address_text(int(self.value, 16))
        return to_hex(self.value) if isinstance(self.value, bytes) else str(self.value)

    def __format__(self, form: str) -> str:
        if not form:
            return str(self)
        if form == "address":
            return address_text(self.value)
        if form == "time":
            return utc_text(self.value)
        if form == "hex":
            return to_hex(self.value) if isinstance(self.value, bytes) else hex(self.value)
        if form == "reason":
            if self.depth >= _DEPTH:
                return f"{len(self.value)} bytes, nested too deeply"
            return str(explain_revert(self.value, depth=self.depth + 1))
        raise InvalidInput(f"sentence: expected the form address, time, hex or reason, found {form!r}")


def address_text(word: int) -> str:
    """Return an order word as an address, with the symbol of a token we know; a dirty word as it is."""
    if word >> 160:
        return f"{word:#x} (no address: more than 160 bits)"
    address = parse_address(f"0x{word:040x}", "address")
    token = MAINNET_TOKENS.find(address)
    return address if token is None else f"{address} ({token.symbol})"
