"""``pmm limits explain``: what a stolen signer key can lose at most in an hour, from what stands on chain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.deployments import fork_record_path, live_record_path, load_deployment
from pmm.chain.feeds import DECIMALS, FEEDS, feed_call, feed_reading
from pmm.chain.lens import DeskLimits, Lens, TokenLimits, find_lens
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.cli.limits_loss import Price, desk_loss, token_loss
from pmm.cli.limits_tables import SignerLanes, print_limits
from pmm.domain import MAINNET_TOKENS, ZERO_ADDRESS, Address, parse_address, to_hex
from pmm.errors import ChainError, InvalidInput

app = typer.Typer(no_args_is_help=True, help="What the settlement's settings allow.")

_LANE_COUNT, _LANE_WORD, _SIGNERS = "numberOfLanes(address)", "laneWord(address,uint64)", "signerList()"
SETTLEMENT_CALLS = (_LANE_COUNT, _LANE_WORD, _SIGNERS)
"""Functions of RfqSettlement that are asked here; a test compares them with its ABI."""
_AUTHORISED, _PAUSED, _BAND, _CAPS = 1 << 255, 1 << 254, 1 << 248, 1 << 249


@app.callback()
def _group() -> None:
    """Keep ``explain`` a subcommand: a Typer app with one command would otherwise run it directly."""


@app.command()
def explain(
    rpc: Annotated[str, typer.Option("--rpc", help="Node to ask.")],
    deployment: Annotated[
        Path | None, typer.Option("--deployment", help="Deployment record; the usual one by default.")
    ] = None,
    settlement: Annotated[
        str | None, typer.Option("--settlement", help="Settlement, where there is no record of it.")
    ] = None,
    lens: Annotated[str | None, typer.Option("--lens", help="Its lens, where there is no record.")] = None,
    token: Annotated[
        list[str] | None, typer.Option("--token", help="Token registered beside the core tokens; repeatable.")
    ] = None,
    rpc_timeout: Annotated[float, typer.Option("--rpc-timeout", min=0.1, help="Seconds to wait.")] = 10.0,
) -> None:
    """Print, per token and venue, what a stolen signer key can lose at most per hour, and what is unbounded.

    The bound holds until the guardian pauses the signer. Exit status: 0 all bounded, 1 something is unbounded.
    """
    more = tuple(parse_address(text, "--token") for text in token or ())
    if not rpc.startswith(("http://", "https://")):
        raise InvalidInput("--rpc: expected an http:// or https:// address")
    with JsonRpc(rpc, timeout_s=rpc_timeout) as node:
        chain_id = int(str(node.call("eth_chainId")), 16)
        contract = _settlement(chain_id, deployment, settlement)
        found = parse_address(lens, "--lens") if lens else find_lens(chain_id, contract, deployment)
        reader = Lens(node, found, contract)
        desk = reader.limits()
        known = {limits.token for limits in desk.tokens}
        tokens = [*desk.tokens, *(reader.limits_of(extra) for extra in more if extra not in known)]
        losses = [token_loss(limits, desk, _price(node, chain_id, limits)) for limits in tokens]
        lanes = list(_signer_lanes(node, contract, desk))
    loss = desk_loss(losses, desk)
    print_limits(contract, desk, loss, lanes)
    if loss.unbounded:
        raise typer.Exit(1)


def _settlement(chain_id: int, record: Path | None, given: str | None) -> Address:
    if given is not None:
        return parse_address(given, "--settlement")
    live = live_record_path(chain_id)
    path = record or (live if live.is_file() else fork_record_path())
    deployment = load_deployment(path)
    if deployment.chain_id != chain_id:
        raise InvalidInput(
            f"expected a record of chain {chain_id}, which the node runs, found chain {deployment.chain_id} in {path}"
        )
    return parse_address(deployment.address("RfqSettlement"), "RfqSettlement")


def _price(node: JsonRpc, chain_id: int, limits: TokenLimits) -> Price | None:
    feed = limits.feed
    if feed.feed != ZERO_ADDRESS and feed.answer > 0:
        source = "the settlement's feed" if feed.healthy else "the settlement's feed, which it calls stale"
        return Price(answer=feed.answer, exponent=feed.exponent, source=source)
    token, usual = MAINNET_TOKENS.find(limits.token), FEEDS.get(limits.token)
    if chain_id != 1 or token is None or usual is None:
        return None
    target, data = feed_call(usual)
    try:
        answer = str(node.call("eth_call", {"to": target, "data": to_hex(data)}, "latest"))
        reading = feed_reading(usual, bytes.fromhex(answer[2:]) or None)
    except (RpcError, ChainError):
        return None
    source = f"Chainlink's {usual.name}; the settlement has no feed"
    if reading.answer <= 0:
        return None
    return Price(answer=reading.answer, exponent=token.decimals + DECIMALS, source=source)


def _signer_lanes(node: JsonRpc, settlement: Address, desk: DeskLimits) -> list[SignerLanes]:
    (signers,) = _read(node, settlement, _SIGNERS, ("address[]",))
    lanes = []
    for text in signers:
        signer = parse_address(text, "signer")
        (count,) = _read(node, settlement, _LANE_COUNT, ("uint256",), signer)
        words = [
            _read(node, settlement, _LANE_WORD, ("uint256",), signer, index)[0] for index in range(count)
        ]
        guards = _BAND * desk.band_on | _CAPS * desk.caps_on
        lanes.append(
            SignerLanes(
                signer=signer,
                lanes=count,
                paused=sum(bool(word & _PAUSED) for word in words),
                unguarded=sum(
                    bool(word & _AUTHORISED) and word & (_BAND | _CAPS) != guards for word in words
                ),
            )
        )
    return lanes


def _read(
    node: JsonRpc, contract: Address, function: str, types: tuple[str, ...], *arguments: object
) -> tuple[Any, ...]:
    call = {"to": contract, "data": to_hex(encode_call(function, *arguments))}
    try:
        return decode_result(types, bytes.fromhex(str(node.call("eth_call", call, "latest"))[2:]))
    except (RpcError, DecodingError) as error:
        name = function.partition("(")[0]
        raise ChainError(f"expected an answer of {name} from settlement {contract}, found {error}") from error
