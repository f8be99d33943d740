"""Tables of ``pmm limits`` for a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from pmm.chain.lens import DeskLimits
from pmm.cli.limits_loss import WHOLE_BPS, DeskLoss, TokenLoss
from pmm.domain import MAINNET_TOKENS, UINT256_MAX, ZERO_ADDRESS, Address, whole_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerLanes:
    """What one signer has; ``unguarded`` lanes carry other switches than the policy, which must never be."""

    signer: Address
    lanes: int
    paused: int
    unguarded: int


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 170, highlight=False)


def _symbol(token: Address) -> str:
    known = MAINNET_TOKENS.find(token)
    return known.symbol if known else token


def _amount(amount: int, token: Address) -> str:
    known = MAINNET_TOKENS.find(token)
    if amount == UINT256_MAX:
        return "no limit"
    if known is None:
        return f"{amount} base units"
    return f"{whole_tokens(amount, known).normalize():,f}"


def usd_text(cents: int | None) -> str:
    """Return ``1,234.56 USD``, or that there is no price."""
    return "no price" if cents is None else f"{cents // 100:,}.{cents % 100:02d} USD"


def _share(loss: TokenLoss, desk: DeskLimits) -> str:
    if not desk.band_on:
        return "off: all"
    if loss.share_bps == WHOLE_BPS:
        return "no limit: all"
    return f"{loss.share_bps} bps" if loss.share_bps else "none"


def _loss_text(loss: TokenLoss) -> str:
    if not loss.unbounded:
        return usd_text(loss.loss_cents)
    worth = (
        usd_text(loss.inventory_cents) if loss.price else _amount(loss.limits.inventory, loss.limits.token)
    )
    return f"unbounded: the whole inventory ({worth})"


def print_limits(
    settlement: Address, desk: DeskLimits, loss: DeskLoss, signers: Sequence[SignerLanes]
) -> None:
    """Print switches, tokens, signers and the sum, with the formula of each number."""
    console = _console()
    switches = f"oracle band {'on' if desk.band_on else 'OFF'}, caps {'on' if desk.caps_on else 'OFF'}"
    console.print(
        f"settlement {settlement}, block {desk.block_number}: {switches}, orders live at most {desk.max_expiry_s} s"
    )
    table = Table("token", box=None)
    for name in ("inventory", "1inch may take", "leaves per hour", "band"):
        table.add_column(name, justify="right")
    table.add_column("a stolen key loses per hour", justify="right")
    table.add_column("formula")
    for token in loss.tokens:
        limits = token.limits
        leaves = "inventory" if token.leaves is None else _amount(token.leaves, limits.token)
        table.add_row(
            *(_symbol(limits.token), _amount(limits.inventory, limits.token)),
            *(_amount(limits.router_allowance, limits.token), leaves, _share(token, desk)),
            *(_loss_text(token), token.formula),
        )
    console.print(table)
    console.print(_total(loss))
    for line in (*_signer_lines(signers), *_notes(desk, loss)):
        console.print(f"  {line}")


def _total(loss: DeskLoss) -> str:
    if loss.unbounded:
        return f"together: unbounded: the whole inventory ({usd_text(loss.cents)})"
    bound = "" if loss.borrows else ", at most the inventory"
    worth = usd_text(loss.cents)
    return f"together: {worth} per hour (sum of the tokens{bound}), until the guardian pauses the signer"


def _signer_lines(signers: Sequence[SignerLanes]) -> Iterator[str]:
    if not signers:
        yield "signers: none, so no key can lose anything"
    for entry in signers:
        state = f"{entry.lanes} lanes, {entry.paused} paused"
        yield f"signer {entry.signer}: {state}; lanes share the caps, so more of them lose no more"
        if entry.unguarded:
            yield (
                f"  WRONG: {entry.unguarded} of its lanes carry other switches than the policy, which the contract "
                "never leaves so; report it"
            )


def _notes(desk: DeskLimits, loss: DeskLoss) -> Iterator[str]:
    if not desk.caps_on:
        yield "caps are off: nothing counts what leaves; setCap for each token, then setGuards"
        yield "on 1inch's contract its allowance is the only bound: at most the column above of each token"
    elif desk.router_hooks == ZERO_ADDRESS:
        yield "no router hooks are set, so with caps on no order fills on 1inch's contract"
    else:
        yield "fills on 1inch's contract count against the same caps, by the hooks, and stop at its allowance"
    if not desk.band_on:
        yield "the oracle band is off: a thief can sign any price; setFeed and setBand, then setGuards"
    else:
        yield "the band is held against the feeds' answers, which may lag the market by their deviation threshold"
    if loss.borrows:
        yield (
            "a signed hook can fetch more than the inventory from the lending account, as far as its own limits go: "
            "not counted where the table says inventory"
        )
    for token in loss.tokens:
        if token.price is None and token.loss_amount:
            yield f"{_symbol(token.limits.token)} has no price: its loss is not in the sum"
        elif token.price is not None and token.price.source != "the settlement's feed":
            yield f"{_symbol(token.limits.token)} is priced by {token.price.source}"
    yield "tokens registered beside the core tokens are shown where --token names them"
