"""``pmm localnet``: run the offline mainnet."""

from __future__ import annotations

import typer

from pmm.localnet import node

app = typer.Typer(no_args_is_help=True, help="Run the offline mainnet.", rich_markup_mode=None)

_PORT = typer.Option(node.DEFAULT_PORT, "--port", min=1, max=65_535, help="Port on 127.0.0.1.")


@app.command()
def up(port: int = _PORT, genuine: bool = typer.Option(False, "--genuine")) -> None:
    """Start the offline mainnet (built on first use) and leave it running."""
    running = node.up(port, genuine=genuine, on_progress=lambda s, d, t: typer.echo(f"{d}/{t} {s}"))
    typer.echo(f"{running.url} pid {running.pid} {'started' if running.started else 'already up'}")


@app.command()
def down(port: int = _PORT) -> None:
    """Stop the offline mainnet."""
    typer.echo("stopped" if node.down(port) else "not running")
