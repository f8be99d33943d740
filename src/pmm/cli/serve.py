"""``pmm serve``: signed quotes over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pmm.settings import ServeSettings, load_settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one.", show_default="8650")
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(help="Node to read and to sign for.", show_default="the offline mainnet")
    ] = None,
    deployment: Annotated[
        Path | None, typer.Option(help="Deployment record.", show_default="that of the chain")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Journal file.", show_default="a new one per run on anvil")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings.", show_default="that of PMM_CONFIG")
    ] = None,
) -> None:
    """Serve signed quotes to relayers over HTTP.

    Every other setting is an environment variable with the prefix PMM_ or a key of the TOML file; docs/settings.md
    lists them. SIGHUP reads the settings again.
    """

    def load() -> ServeSettings:
        return load_settings(
            {"host": host, "port": port, "rpc_url": rpc, "deployment": deployment, "journal": journal},
            config=config,
        )

    settings = load()
    # Imported late: a wrong setting is reported without waiting for web3.
    from pmm.monitoring.logs import log_to_stderr
    from pmm.server.event_loop import run
    from pmm.server.lifecycle import bind
    from pmm.server.lifecycle import serve as serve_until_stopped
    from pmm.server.runtime import open_runtime

    log_to_stderr(settings.monitoring.log_level)
    listener = bind(settings.host, settings.port)
    try:
        runtime = open_runtime(settings, load)
        try:
            run(serve_until_stopped(runtime, listener, say=_say))
        finally:
            runtime.close()
    finally:
        listener.close()


def _say(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()
