"""``pmm desk``: everything after the fill."""

from __future__ import annotations

import signal
import sys
import threading

import typer

from pmm.cli.desk_options import ConfigFile, DeploymentRecord, LedgerFile, Rpc, desk_settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def desk(
    rpc: Rpc = None,
    deployment: DeploymentRecord = None,
    ledger: LedgerFile = None,
    config: ConfigFile = None,
) -> None:
    """Follow the chain, keep the books and hedge, until Ctrl-C; the next start goes on from the ledger.

    Every other setting is a variable PMM_DESK_..., or a key of [desk] in the TOML file; docs/settings.md lists them.
    """
    settings = desk_settings(rpc, deployment, ledger, config)
    # Imported late: a wrong setting is reported without waiting for web3.
    from pmm.desk import open_desk
    from pmm.monitoring.logs import log_to_stderr

    log_to_stderr(settings.monitoring.log_level)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    running = open_desk(settings)
    try:
        typer.echo(
            f"pmm desk: following {running.scene.settlement} on {running.scene.rpc.shown_url}, "
            f"operator {running.sender.address}, ledger {running.ledger.location}, "
            f"metrics http://127.0.0.1:{running.metrics.port}/metrics"
        )
        sys.stdout.flush()
        running.run(stop)
    finally:
        running.close()
