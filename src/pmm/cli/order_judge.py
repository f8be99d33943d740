"""An order, or calldata, judged and explained under the options of ``pmm order``: time, taker, signers, node."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pmm.cli.order_calldata import entry_as_fill, explain_foreign, fill_record, find_call
from pmm.cli.order_explain import explain_order
from pmm.cli.order_explain_call import (
    explain_batch,
    explain_compact,
    explain_entry,
    explain_fill,
    explain_plain_call,
)
from pmm.cli.order_input import DomainChoice, OrderRecord
from pmm.domain import (
    Address,
    BatchCall,
    CompactCall,
    FillCall,
    PlainCall,
    parse_address,
    parse_bytes,
    parse_uint,
)
from pmm.domain.obstacles import fill_obstacles
from pmm.domain.verification import Verification, verify_order
from pmm.errors import InvalidInput

if TYPE_CHECKING:
    from pmm.cli.order_chain import ChainView


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """The node to ask and where to find the lens of a settlement on it."""

    rpc: str | None
    timeout_s: float
    lens: str | None
    deployment: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """When, for whom and with which knowledge of the chain an order is judged."""

    now_s: int
    taker: Address | None
    signers: frozenset[Address]
    chain: ChainView | None

    @classmethod
    def parse(
        cls,
        now: str | None,
        taker: str | None = None,
        signers: list[str] | None = None,
        node: NodeOptions | None = None,
    ) -> Circumstances:
        """Read the options; raise InvalidInput naming the wrong one, ChainError when the node does not answer."""
        chosen_s = None if now is None else parse_uint(now, "--now", 64)
        caller = None if taker is None else parse_address(taker, "--taker")
        expected = frozenset(parse_address(text, "--signer") for text in signers or ())
        chain = None
        if node is not None and node.rpc is not None:
            # Only this branch pays for the import of an HTTP client.
            from pmm.cli.order_chain import ChainView

            lens = None if node.lens is None else parse_address(node.lens, "--lens")
            chain = ChainView.connect(node.rpc, node.timeout_s, lens=lens, deployment=node.deployment)
        elif node is not None and (node.lens is not None or node.deployment is not None):
            raise InvalidInput("--lens, --deployment: expected --rpc beside them, found none; name a node")
        if chosen_s is None:
            chosen_s = int(time.time()) if chain is None else chain.block_time_s
        return cls(now_s=chosen_s, taker=caller, signers=expected, chain=chain)

    def verify(self, record: OrderRecord) -> Verification:
        """Check a record, with what the node says where one was named."""
        if self.chain is not None:
            return self.chain.verify(record, now_s=self.now_s, taker=self.taker)
        return verify_order(record.order, record.domain, record.claim, now_s=self.now_s, taker=self.taker)


def revert_text(data: str) -> str:
    """Return revert data in words; raise InvalidInput where it is not 0x hex."""
    # eth-abi and every ABI of ours are loaded for this alone.
    from pmm.chain.reverts import explain_revert

    return str(explain_revert(parse_bytes(data, "--revert")))


def explain_record(
    record: OrderRecord, circumstances: Circumstances, more: list[str] | None = None, note: str = ""
) -> list[str]:
    """Return the lines about an order; ``more`` are reasons that lie in the call it came in."""
    record = record.with_signers(circumstances.signers)
    return explain_order(
        record,
        circumstances.verify(record),
        now_s=circumstances.now_s,
        more_reasons=more or [],
        asked_node=circumstances.chain is not None,
        domain_note=note,
    )


def explain_calldata(
    data: bytes, rest: dict[str, object], choice: DomainChoice, circumstances: Circumstances
) -> list[str]:
    """Return the lines about calldata and the orders in it; ``rest`` are the other keys of its record."""
    call, position = find_call(data)
    if call is None:
        return explain_foreign(data)
    inside = [f"Found at byte {position} of the calldata of another contract"] if position else []
    if isinstance(call, PlainCall):
        return [*inside, *explain_plain_call(call)]
    if isinstance(call, CompactCall):
        return [*inside, *explain_compact(call)]
    if isinstance(call, BatchCall):
        return [*inside, *_explain_batch(call, rest, choice, circumstances)]
    record, note = fill_record(call, choice, rest)
    return [
        *inside,
        *explain_fill(call, record.domain, circumstances.now_s),
        *_explain_filled(call, record, note, circumstances),
    ]


def _explain_batch(
    call: BatchCall, rest: dict[str, object], choice: DomainChoice, circumstances: Circumstances
) -> list[str]:
    if choice.kind == "1inch":
        raise InvalidInput("domain: fillOrders exists on our settlement only; leave --domain out or say pmm")
    rows = explain_batch(call)
    for index, entry in enumerate(call.fills):
        fill = entry_as_fill(entry)
        record, note = fill_record(fill, choice.merge(DomainChoice(kind="pmm")), rest)
        rows += ["", *explain_entry(index, entry, record.domain, circumstances.now_s)]
        rows += _explain_filled(fill, record, note, circumstances)
    return rows


def _explain_filled(
    call: FillCall, record: OrderRecord, note: str, circumstances: Circumstances
) -> list[str]:
    obstacles = fill_obstacles(call, record.domain, now_s=circumstances.now_s)
    return explain_record(record, circumstances, [str(obstacle) for obstacle in obstacles], note)
