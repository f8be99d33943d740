"""``pmm signer serve``: the quoting key in a process of its own, behind a unix socket."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from pathlib import Path
from typing import Annotated

import typer

from pmm.cli.order_keys import KeySource
from pmm.domain import MAINNET_TOKENS, Address, oneinch_domain, parse_address, settlement_domain
from pmm.errors import InvalidInput
from pmm.signers.order_limits import OrderJudge, OrderLimits
from pmm.signers.socket_server import SignerServer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Sign in a process of its own.")


@app.callback()
def _group() -> None:
    """Keep ``serve`` a subcommand: a Typer app with one command would otherwise run it directly."""


@app.command()
def serve(
    keystore: Annotated[Path, typer.Option(help="Encrypted keystore of the quoting key.")],
    socket: Annotated[Path, typer.Option(help="Unix socket to listen on; its folder should be mode 0700.")],
    maker: Annotated[str, typer.Option(help="Our settlement contract, the only maker signed for.")],
    most: Annotated[
        list[str], typer.Option(help="TOKEN=AMOUNT: most that one order gives, in whole tokens; repeat it.")
    ],
    most_per_hour: Annotated[
        list[str] | None, typer.Option(help="TOKEN=AMOUNT: most within an hour, in whole tokens; repeat it.")
    ] = None,
    chain: Annotated[int, typer.Option(help="The only chain.")] = 1,
    most_life_s: Annotated[int, typer.Option(min=1, help="Longest life of an order.")] = 300,
    per_second: Annotated[int, typer.Option(min=1, help="Most signatures a second.")] = 5_000,
    uid: Annotated[int | None, typer.Option(help="User that may ask.", show_default="our own")] = None,
    password_env: Annotated[str | None, typer.Option(help="Variable that holds the password.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File (mode 0600) that holds it.")] = None,
) -> None:
    """Sign orders, and nothing else, for the process that connects; limits are judged here, whatever it says."""
    from pmm.monitoring.logs import log_to_stderr

    maker_address = parse_address(maker, "--maker")
    limits = OrderLimits(
        chain_id=chain,
        maker=maker_address,
        verifying_contracts={
            domain.name: domain.verifying_contract
            for domain in (oneinch_domain(chain), settlement_domain(chain, maker_address))
        },
        most_per_order=_amounts(most, "--most"),
        most_per_hour=_amounts(most_per_hour or [], "--most-per-hour"),
        most_life_s=most_life_s,
        per_s=per_second,
    )
    log_to_stderr()
    # A core file would hold the key.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source = KeySource(keystore=keystore, password_env=password_env, password_file=password_file)
    key = source.load(os.environ)
    server = SignerServer(key, OrderJudge(limits), allowed_uid=os.getuid() if uid is None else uid)
    asyncio.run(_run(server, socket, key.address))
    socket.unlink(missing_ok=True)


async def _run(server: SignerServer, path: Path, address: Address) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    listening = await server.listen(path)
    typer.echo(f"pmm signer: ready on {path}, signs as {address}")
    await ended.wait()
    listening.close()


def _amounts(entries: list[str], option: str) -> dict[Address, int]:
    found: dict[Address, int] = {}
    for entry in entries:
        name, sign, amount = entry.partition("=")
        token = MAINNET_TOKENS.get(name, option)
        if not sign or not amount.isascii() or not amount.isdigit() or token.address in found:
            raise InvalidInput(
                f"{option}: expected TOKEN=AMOUNT once per token, such as WETH=50, found {entry!r}"
            )
        found[token.address] = int(amount) * 10**token.decimals
    return found
