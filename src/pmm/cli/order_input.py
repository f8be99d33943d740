"""Orders as they arrive on stdin: one JSON object, JSON lines or a JSON array, each with its own errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pmm.domain import (
    ROUTER_V6,
    Address,
    OrderDomain,
    RfqOrder,
    oneinch_domain,
    parse_address,
    parse_bytes,
    parse_uint,
    settlement_domain,
)
from pmm.domain.verification import Claim
from pmm.domain.words import excerpt
from pmm.errors import InvalidInput

KINDS = ("1inch", "pmm")
# Where the V6 router has the address of mainnet; zkSync Era (324) and others have another one.
ROUTER_CHAINS = frozenset({1, 10, 56, 100, 137, 250, 8453, 42161, 43114, 59144})
_REMEDY = "expected one JSON object, or one per line"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLine:
    """One record: its line number, and the JSON value, or the error that stands in its place."""

    number: int
    value: object = None
    error: str | None = None

    def record(self) -> dict[str, object]:
        """Return the value as a flat record; raise InvalidInput when it is not an object.

        The ``order`` or ``data`` object of the relayers' forms is merged in.
        """
        if self.error is not None:
            raise InvalidInput(self.error)
        if not isinstance(self.value, dict):
            raise InvalidInput(f"{_REMEDY}, found {excerpt(self.value)}")
        flat = dict(self.value)
        for key in ("order", "data"):
            inner = flat.pop(key, None)
            if isinstance(inner, dict):
                flat = {**inner, **flat}
        return flat


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise InvalidInput(f"key {key!r} stands twice in the same JSON object; keep one")
        record[key] = value
    return record


def _parse(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise InvalidInput("malformed JSON: nested too deeply") from error
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"malformed JSON: {error}") from error


def _parse_line(number: int, text: str) -> InputLine:
    if text.startswith("0x"):
        return InputLine(number=number, value=text)
    try:
        return InputLine(number=number, value=_parse(text))
    except InvalidInput as error:
        return InputLine(number=number, error=str(error))


def read_lines(data: bytes) -> list[InputLine]:
    """Split stdin into records; a bad line becomes one with an ``error``.

    A line that starts with ``0x`` is kept as a string (calldata). Raises InvalidInput when nothing at all can be
    read: no input, text that is not UTF-8, or one malformed JSON document over several lines.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{_REMEDY}, found bytes that are not UTF-8 at position {error.start}") from error
    lines = [
        _parse_line(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()
    ]
    if not lines:
        raise InvalidInput(f"{_REMEDY} on standard input, found nothing")
    if len(lines) > 1 and all(line.error or not isinstance(line.value, dict | str) for line in lines):
        document = _parse(text)  # one object or array printed over several lines
        return _records(document)
    return lines if len(lines) > 1 or lines[0].error else _records(lines[0].value)


def _records(document: object) -> list[InputLine]:
    if isinstance(document, list):
        if not document:
            raise InvalidInput(f"{_REMEDY} on standard input, found an empty array")
        return [InputLine(number=number, value=value) for number, value in enumerate(document, 1)]
    return [InputLine(number=1, value=document)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainChoice:
    """A domain given on the command line; None leaves it to the record."""

    kind: str | None = None
    chain_id: int | None = None
    verifying_contract: Address | None = None

    @classmethod
    def parse(cls, kind: str | None, chain_id: str | None, verifying_contract: str | None) -> DomainChoice:
        """Check the three options; raise InvalidInput naming the wrong one."""
        if kind is not None and kind not in KINDS:
            raise InvalidInput(f"domain: expected {' or '.join(KINDS)}, found {excerpt(kind)}")
        contract = (
            None if verifying_contract is None else parse_address(verifying_contract, "verifyingContract")
        )
        return cls(
            kind=kind,
            chain_id=None if chain_id is None else parse_uint(chain_id, "chainId", 64),
            verifying_contract=contract,
        )

    @classmethod
    def of_record(cls, record: Mapping[str, object]) -> DomainChoice:
        """Read ``domain``, ``chainId`` and ``verifyingContract`` of a record; all may be absent."""
        domain = record.get("domain")
        fields = dict(record)
        if isinstance(domain, dict):  # an EIP-712 domain object
            fields = {**domain, **record}
            domain = "pmm" if str(domain.get("name", "")).startswith("pmm") else "1inch"
        chain_id, contract = fields.get("chainId"), fields.get("verifyingContract")
        kind = None if domain is None else str(domain)
        if kind is not None and kind not in KINDS:
            raise InvalidInput(f"domain: expected {' or '.join(KINDS)}, found {excerpt(kind)}")
        return cls(
            kind=kind,
            chain_id=None if chain_id is None else parse_uint(chain_id, "chainId", 64),
            verifying_contract=None if contract is None else parse_address(contract, "verifyingContract"),
        )

    def merge(self, record: DomainChoice) -> DomainChoice:
        """Return both together; raise InvalidInput where option and record contradict each other."""
        for name, ours, theirs in (
            ("domain", self.kind, record.kind),
            ("chainId", self.chain_id, record.chain_id),
            ("verifyingContract", self.verifying_contract, record.verifying_contract),
        ):
            if ours is not None and theirs is not None and ours != theirs:
                raise InvalidInput(f"{name}: the option says {ours}, the record {theirs}; drop one of them")
        return DomainChoice(
            kind=self.kind or record.kind,
            chain_id=record.chain_id if self.chain_id is None else self.chain_id,
            verifying_contract=self.verifying_contract or record.verifying_contract,
        )

    def domain_for(self, order: RfqOrder) -> OrderDomain:
        """Return the domain: 1inch's by default; ours when asked for or when another contract verifies.

        On our domain the settlement contract is the maker itself, so it need not be named.
        """
        chain_id = 1 if self.chain_id is None else self.chain_id
        if chain_id == 0:
            raise InvalidInput("chainId: expected at least 1, found 0")
        kind = self.kind or ("1inch" if self.verifying_contract in (None, ROUTER_V6) else "pmm")
        if kind == "pmm":
            return settlement_domain(chain_id, self.verifying_contract or order.maker)
        if self.verifying_contract is None and chain_id not in ROUTER_CHAINS:
            raise InvalidInput(
                f"chainId: 1inch's router address on chain {chain_id} is not known; give verifyingContract, or one "
                f"of the chains {', '.join(map(str, sorted(ROUTER_CHAINS)))}"
            )
        return oneinch_domain(chain_id, self.verifying_contract or ROUTER_V6)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order read from input, its domain and what was claimed about it."""

    order: RfqOrder
    domain: OrderDomain
    claim: Claim

    @classmethod
    def parse(cls, record: Mapping[str, object], choice: DomainChoice) -> OrderRecord:
        """Read a flat record; raise InvalidInput naming the wrong field. Unknown keys are ignored."""
        order = RfqOrder.from_dict(record)
        domain = choice.merge(DomainChoice.of_record(record)).domain_for(order)
        signature, claimed_hash, signer = (
            record.get("signature"),
            record.get("orderHash"),
            record.get("signer"),
        )
        claim = Claim(
            signature=None if signature is None else parse_bytes(signature, "signature"),
            extension=parse_bytes(record.get("extension", "0x"), "extension"),
            order_hash=None if claimed_hash is None else parse_bytes(claimed_hash, "orderHash", 32),
            signer=None if signer is None else parse_address(signer, "signer"),
        )
        return cls(order=order, domain=domain, claim=claim)

    def with_signers(self, signers: frozenset[Address]) -> OrderRecord:
        """Return the record with the addresses whose signature counts."""
        return replace(self, claim=replace(self.claim, signers=signers))
