"""``pmm localnet up | down | status | reset | price``: the offline mainnet."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pmm.chain.rpc import JsonRpc
from pmm.cli.localnet_tables import print_prices, print_status
from pmm.errors import InvalidInput
from pmm.localnet import node
from pmm.localnet.builder import Progress as OnProgress
from pmm.localnet.builder import ensure_state, state_key
from pmm.localnet.prices import asset_named, read_prices, set_price

app = typer.Typer(no_args_is_help=True, help="Run the offline mainnet.", rich_markup_mode=None)

_PORT = typer.Option(node.DEFAULT_PORT, "--port", min=1, max=65_535, help="Port on 127.0.0.1.")
_GENUINE = typer.Option(
    False,
    "--genuine",
    help="Put recorded mainnet code (PMM_DATA_DIR) in the place of wrappers and stand-ins.",
)


@contextmanager
def build_progress() -> Iterator[OnProgress]:
    """Yield a callback that shows the build as a bar on a terminal, else as one line."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        said: list[str] = []

        def say_once(step: str, done: int, total: int) -> None:
            if not said:
                said.append(step)
                typer.echo("building the offline mainnet; the first time takes a minute or two", err=True)

        yield say_once
        return
    columns = (TextColumn("{task.description:<42}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("building the offline mainnet", total=None, visible=False)
        yield lambda step, done, total: bars.update(
            bar, description=step, completed=done, total=total, visible=True
        )


@app.command()
def up(
    port: int = _PORT,
    genuine: bool = _GENUINE,
    foreground: bool = typer.Option(False, "--foreground", help="Stay attached; Ctrl-C ends the node."),
) -> None:
    """Start the offline mainnet and leave it running; the first start builds it."""
    with build_progress() as on_progress:
        if not foreground:
            running = node.up(port, genuine=genuine, on_progress=on_progress)
            word = "started" if running.started else "is already up"
            typer.echo(f"offline mainnet {word} at {running.url} (chain id 1, process {running.pid})")
            if running.state_key != state_key(genuine=genuine):
                typer.echo(
                    "note: it runs an older build; `pmm localnet reset` loads the present one", err=True
                )
            return
    _stay(port, genuine)


def _stay(port: int, genuine: bool) -> None:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    with build_progress() as on_progress:
        ensure_state(genuine=genuine, on_progress=on_progress)
    try:
        node.run_in_foreground(
            port,
            genuine=genuine,
            on_ready=lambda url: typer.echo(f"offline mainnet at {url} (chain id 1); Ctrl-C ends it"),
        )
    except KeyboardInterrupt:
        typer.echo("offline mainnet ended", err=True)


@app.command()
def down(port: int = _PORT) -> None:
    """Stop the offline mainnet; harmless when none runs."""
    stopped = node.down(port)
    typer.echo(f"offline mainnet on port {port} " + ("stopped" if stopped else "was not running"))


@app.command()
def reset(
    port: int = _PORT,
    genuine: bool = _GENUINE,
    rebuild: bool = typer.Option(False, "--rebuild", help="Build the state anew even where it is cached."),
) -> None:
    """Bring the offline mainnet back to its first block: restart it from the built state."""
    running = node.running_node(port)
    genuine = genuine or (running is not None and running.genuine)
    with build_progress() as on_progress:
        if rebuild:
            ensure_state(genuine=genuine, on_progress=on_progress, rebuild=True)
        node.down(port)
        running = node.up(port, genuine=genuine, on_progress=on_progress)
    typer.echo(f"offline mainnet reset at {running.url} (chain id 1, process {running.pid})")


@app.command()
def status(port: int = _PORT, as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Show what stands where, read from the chain; exit 1 where no offline mainnet runs."""
    from pmm.localnet.status import read_status

    running = node.running_node(port)
    if running is None:
        typer.echo(
            json.dumps({"running": False, "port": port})
            if as_json
            else f"no offline mainnet on port {port}; start it with `pmm localnet up --port {port}`"
        )
        raise typer.Exit(1)
    found = read_status(running)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_status(found)


@app.command()
def price(
    asset: str = typer.Argument("", help="ETH, BTC, USDC, USDT or DAI; without it, show every price."),
    price_usd: str = typer.Argument("", metavar="USD", help="For instance 3150.25."),
    rpc: str = typer.Option("", "--rpc", help="Any anvil node, also a fork; else the one on --port."),
    port: int = _PORT,
    pools: bool = typer.Option(True, "--pools/--no-pools", help="Move the Uniswap pools too."),
) -> None:
    """Set a price: the Chainlink feed and every Uniswap pool that holds the asset, together."""
    if asset and not price_usd:
        raise InvalidInput(f"expected a price in USD after {asset}, found none")
    with JsonRpc(rpc or f"http://127.0.0.1:{port}") as connection:
        if asset:
            set_price(connection, asset_named(asset), _decimal(price_usd), pools=pools)
        print_prices(*read_prices(connection), only=asset_named(asset) if asset else None)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InvalidInput(f"expected a price in USD such as 3150.25, found {text!r}") from None
