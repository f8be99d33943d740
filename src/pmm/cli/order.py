"""``pmm order hash | sign | verify | explain``: orders from standard input, answers as JSON lines or as text."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pmm.cli.order_answers import answer_hash, answer_sign, answer_verify, check_live_signing
from pmm.cli.order_calldata import calldata_of, explain_foreign, fill_record, find_call
from pmm.cli.order_explain import explain_fill, explain_order, explain_plain_call
from pmm.cli.order_input import DomainChoice, InputLine, OrderRecord, read_lines
from pmm.cli.order_keys import KeySource
from pmm.domain import Address, FillCall, parse_address, parse_uint
from pmm.domain.obstacles import fill_obstacles
from pmm.domain.verification import Verification, verify_order
from pmm.errors import InvalidInput

if TYPE_CHECKING:
    from pmm.cli.order_chain import ChainView

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Hash, sign, verify and explain 1inch-style orders read from stdin.",
)

DomainOption = Annotated[str | None, typer.Option("--domain", help="1inch (default) or pmm, our settlement.")]
ChainOption = Annotated[str | None, typer.Option("--chain-id", help="Chain id; 1 by default.")]
ContractOption = Annotated[
    str | None,
    typer.Option("--verifying-contract", help="Contract of the domain, where it is not the usual one."),
]
NowOption = Annotated[
    str | None,
    typer.Option("--now", help="Unix seconds at which to judge expiry; else the node's time or the clock."),
]
SignerOption = Annotated[
    list[str] | None,
    typer.Option("--signer", help="Address whose signature counts instead of the maker's; repeatable."),
]
TakerOption = Annotated[str | None, typer.Option("--taker", help="Address that would call the contract.")]
RpcOption = Annotated[
    str | None, typer.Option("--rpc", help="Node to ask for nonce, balances, allowances, registered signers.")
]
RpcTimeoutOption = Annotated[
    float, typer.Option("--rpc-timeout", min=0.1, help="Seconds to wait for the node.")
]

KeyEnvOption = Annotated[
    str | None, typer.Option("--key-env", help="NAME of the environment variable that holds the key.")
]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="File with the key in hex, mode 0600.")
]
KeystoreOption = Annotated[
    Path | None, typer.Option("--keystore", help="Encrypted eth-account keystore; asks for the password.")
]
PasswordEnvOption = Annotated[
    str | None, typer.Option("--password-env", help="NAME of the variable with the keystore's password.")
]
PasswordFileOption = Annotated[
    Path | None, typer.Option("--password-file", help="File with the keystore's password, mode 0600.")
]
ContractFormOption = Annotated[
    bool,
    typer.Option("--contract", help="The maker is a settlement contract: give the packed ERC-1271 form."),
]
CompactOption = Annotated[bool, typer.Option("--compact", help="64 bytes (r, vs) instead of 65 (r, s, v).")]


def _stdin() -> list[InputLine]:
    if sys.stdin.isatty():
        raise InvalidInput(
            "expected JSON orders on standard input, found a terminal; pipe a file into the command"
        )
    return read_lines(sys.stdin.buffer.read())


def _each_line(
    answer: Callable[[InputLine], bool], report: Callable[[InputLine, InvalidInput], None]
) -> None:
    """Answer every line, whatever the others hold; exit 2 if one was bad, else 1 if ``answer`` was False."""
    bad, invalid = 0, 0
    for line in _stdin():
        try:
            invalid += not answer(line)
        except InvalidInput as error:
            bad += 1
            report(line, error)
            typer.echo(f"error: line {line.number}: {error}", err=True)
    if bad or invalid:
        raise typer.Exit(2 if bad else 1)


def _json_lines(answer: Callable[[InputLine], dict[str, Any]]) -> None:
    def print_answer(line: InputLine) -> bool:
        record = answer(line)
        typer.echo(json.dumps(record))
        return record["valid"] is not False

    _each_line(
        print_answer, lambda line, error: typer.echo(json.dumps({"error": str(error), "line": line.number}))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Circumstances:
    """When, for whom and with which knowledge of the chain an order is judged."""

    now_s: int
    taker: Address | None
    signers: frozenset[Address]
    chain: ChainView | None

    @classmethod
    def parse(
        cls, now: str | None, taker: str | None, signers: list[str] | None, rpc: str | None, timeout_s: float
    ) -> _Circumstances:
        chosen_s = None if now is None else parse_uint(now, "--now", 64)
        caller = None if taker is None else parse_address(taker, "--taker")
        expected = frozenset(parse_address(text, "--signer") for text in signers or ())
        chain = None
        if rpc is not None:
            # Only this branch pays for the import of an HTTP client.
            from pmm.cli.order_chain import ChainView

            chain = ChainView.connect(rpc, timeout_s)
        if chosen_s is None:
            chosen_s = int(time.time()) if chain is None else chain.block_time_s
        return cls(now_s=chosen_s, taker=caller, signers=expected, chain=chain)

    def verify(self, record: OrderRecord) -> Verification:
        if self.chain is not None:
            return self.chain.verify(record, now_s=self.now_s, taker=self.taker)
        return verify_order(record.order, record.domain, record.claim, now_s=self.now_s, taker=self.taker)


@app.command(name="hash")
def hash_(
    domain: DomainOption = None, chain_id: ChainOption = None, verifying_contract: ContractOption = None
) -> None:
    """Print the EIP-712 digest of each order; "valid" is null unless the record claims an orderHash."""
    choice = DomainChoice.parse(domain, chain_id, verifying_contract)
    _json_lines(lambda line: answer_hash(OrderRecord.parse(line.record(), choice)))


@app.command()
def sign(
    key_env: KeyEnvOption = None,
    key_file: KeyFileOption = None,
    keystore: KeystoreOption = None,
    password_env: PasswordEnvOption = None,
    password_file: PasswordFileOption = None,
    contract: ContractFormOption = False,
    compact: CompactOption = False,
    domain: DomainOption = None,
    chain_id: ChainOption = None,
    verifying_contract: ContractOption = None,
    now: NowOption = None,
) -> None:
    """Sign each order and print it whole, ready for "pmm order verify".

    The key comes from a variable, a file or a keystore, never from an argument. Chain id 1 needs PMM_LIVE=1.
    """
    choice = DomainChoice.parse(domain, chain_id, verifying_contract)
    source = KeySource(
        env=key_env, file=key_file, keystore=keystore, password_env=password_env, password_file=password_file
    )
    now_s = _Circumstances.parse(now, None, None, None, 0).now_s
    key = None

    def answer(line: InputLine) -> dict[str, Any]:
        nonlocal key
        record = OrderRecord.parse(line.record(), choice)
        # Before the key is read: a refusal leaves nothing half done.
        check_live_signing(record.domain, os.environ.get("PMM_LIVE"))
        key = key or source.load(os.environ)
        return answer_sign(record, key, contract=contract, compact=compact, now_s=now_s)

    _json_lines(answer)


@app.command()
def verify(
    signer: SignerOption = None,
    taker: TakerOption = None,
    domain: DomainOption = None,
    chain_id: ChainOption = None,
    verifying_contract: ContractOption = None,
    now: NowOption = None,
    rpc: RpcOption = None,
    rpc_timeout: RpcTimeoutOption = 10.0,
) -> None:
    """Check hash and signature of each order; "reasons" also say why it would not fill now.

    "valid" speaks of hash, extension and signature: an expired order stays valid. Exit status: 0 all valid, 1 some
    signature is not, 2 some line could not be read.
    """
    choice = DomainChoice.parse(domain, chain_id, verifying_contract)
    circumstances = _Circumstances.parse(now, taker, signer, rpc, rpc_timeout)

    def answer(line: InputLine) -> dict[str, Any]:
        record = OrderRecord.parse(line.record(), choice).with_signers(circumstances.signers)
        return answer_verify(record, circumstances.verify(record))

    _json_lines(answer)


@app.command()
def explain(
    signer: SignerOption = None,
    taker: TakerOption = None,
    domain: DomainOption = None,
    chain_id: ChainOption = None,
    verifying_contract: ContractOption = None,
    now: NowOption = None,
    rpc: RpcOption = None,
    rpc_timeout: RpcTimeoutOption = 10.0,
) -> None:
    """Say in words what each order does and why it would not fill now.

    Takes calldata, too: a line of hex, or an object with "calldata" and, if known, "to".
    """
    choice = DomainChoice.parse(domain, chain_id, verifying_contract)
    circumstances = _Circumstances.parse(now, taker, signer, rpc, rpc_timeout)

    def answer(line: InputLine) -> bool:
        if line.error is not None:
            raise InvalidInput(line.error)
        given = calldata_of(line.value)
        if given is None:
            rows = _explain_record(OrderRecord.parse(line.record(), choice), circumstances)
        else:
            rows = _explain_calldata(*given, choice, circumstances)
        typer.echo("\n".join(rows) + "\n")
        return True

    _each_line(answer, lambda line, _: typer.echo(f"Line {line.number} could not be read.\n"))


def _explain_record(
    record: OrderRecord, circumstances: _Circumstances, more: list[str] | None = None, note: str = ""
) -> list[str]:
    record = record.with_signers(circumstances.signers)
    return explain_order(
        record,
        circumstances.verify(record),
        now_s=circumstances.now_s,
        more_reasons=more or [],
        asked_node=circumstances.chain is not None,
        domain_note=note,
    )


def _explain_calldata(
    data: bytes, rest: dict[str, object], choice: DomainChoice, circumstances: _Circumstances
) -> list[str]:
    call, position = find_call(data)
    if call is None:
        return explain_foreign(data)
    inside = [f"Found at byte {position} of the calldata of another contract"] if position else []
    if not isinstance(call, FillCall):
        return [*inside, *explain_plain_call(call)]
    record, note = fill_record(call, choice, rest)
    more = [str(obstacle) for obstacle in fill_obstacles(call, record.domain)]
    return [
        *inside,
        *explain_fill(call, record.domain.chain_id),
        *_explain_record(record, circumstances, more, note),
    ]
