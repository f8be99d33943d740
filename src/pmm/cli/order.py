"""``pmm order hash | sign | verify | explain``: orders from standard input, answers as JSON lines or as text."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pmm.cli.order_answers import answer_hash, answer_sign, answer_verify, check_live_signing
from pmm.cli.order_calldata import calldata_of
from pmm.cli.order_input import DomainChoice, InputLine, OrderRecord, read_lines
from pmm.cli.order_judge import Circumstances, NodeOptions, explain_calldata, explain_record, revert_text
from pmm.cli.order_keys import KeySource
from pmm.domain import parse_address
from pmm.errors import InvalidInput

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
LensOption = Annotated[
    str | None, typer.Option("--lens", help="SettlementLens to ask, where no deployment record names it.")
]
DeploymentOption = Annotated[
    Path | None, typer.Option("--deployment", help="Deployment record that names settlement and lens.")
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
CoreTokenOption = Annotated[
    list[str] | None,
    typer.Option(
        "--core-token",
        help="With --contract: a core token of the settlement, all of them in its order, for the short form.",
    ),
]
RevertOption = Annotated[
    str | None, typer.Option("--revert", help="Revert data (0x hex) of a failed call, to be put into words.")
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
    core_token: CoreTokenOption = None,
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
    core_tokens = tuple(parse_address(text, "--core-token") for text in core_token or ())
    now_s = Circumstances.parse(now).now_s
    key = None

    def answer(line: InputLine) -> dict[str, Any]:
        nonlocal key
        record = OrderRecord.parse(line.record(), choice)
        # Before the key is read: a refusal leaves nothing half done.
        check_live_signing(record.domain, os.environ.get("PMM_LIVE"))
        key = key or source.load(os.environ)
        return answer_sign(
            record, key, contract=contract, core_tokens=core_tokens, compact=compact, now_s=now_s
        )

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
    lens: LensOption = None,
    deployment: DeploymentOption = None,
) -> None:
    """Check hash and signature of each order; "reasons" also say why it would not fill now.

    "valid" speaks of hash, extension and signature: an expired order stays valid. Exit status: 0 all valid, 1 some
    signature is not, 2 some line could not be read.
    """
    choice = DomainChoice.parse(domain, chain_id, verifying_contract)
    circumstances = Circumstances.parse(
        now, taker, signer, NodeOptions(rpc=rpc, timeout_s=rpc_timeout, lens=lens, deployment=deployment)
    )

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
    lens: LensOption = None,
    deployment: DeploymentOption = None,
    revert: RevertOption = None,
) -> None:
    """Say in words what each order does and why it would not fill now.

    Takes calldata, too: a line of hex, or an object with "calldata" and, if known, "to". With --revert it reads
    nothing from standard input and explains the revert data of a failed call.
    """
    if revert is not None:
        typer.echo(revert_text(revert))
        return
    choice = DomainChoice.parse(domain, chain_id, verifying_contract)
    circumstances = Circumstances.parse(
        now, taker, signer, NodeOptions(rpc=rpc, timeout_s=rpc_timeout, lens=lens, deployment=deployment)
    )

    def answer(line: InputLine) -> bool:
        if line.error is not None:
            raise InvalidInput(line.error)
        given = calldata_of(line.value)
        if given is None:
            rows = explain_record(OrderRecord.parse(line.record(), choice), circumstances)
        else:
            rows = explain_calldata(*given, choice, circumstances)
        typer.echo("\n".join(rows) + "\n")
        return True

    _each_line(answer, lambda line, _: typer.echo(f"Line {line.number} could not be read.\n"))
