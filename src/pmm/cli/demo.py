"""``pmm demo``: the main job from an empty chain to the closing tables."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pmm.cli.localnet import build_progress
from pmm.demo.price_day import load_price_day
from pmm.demo.report import print_report, write_json
from pmm.demo.run import demo_day, open_site, walk, write_report
from pmm.demo.schedule import plan_steps
from pmm.localnet.builder import ensure_state
from pmm.localnet.upstream import is_genuine
from pmm.toolchain import project_root

app = typer.Typer()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@app.command()
def demo(
    day: str = typer.Option(
        "", help="File with a day of prices, or `synthetic`; the best at hand by default."
    ),
    once: bool = typer.Option(False, "--once", help="One round with each kind of ending, not a whole day."),
    json_path: str = typer.Option("", "--json", metavar="PATH", help="Write the result there as JSON too."),
    metrics_port: int | None = typer.Option(
        None,
        min=1,
        max=65_534,
        help="Serve the desk's metrics there, the quote server's one port on (9650: monitoring/prometheus.yml).",
    ),
    stay: bool = typer.Option(
        False, "--stay", help="Keep quote server and desk running after the day, until Ctrl-C."
    ),
) -> None:
    """Quote, sign, settle and hedge along a day of prices on the offline mainnet; exit 1 if a balance is off."""
    started_s = time.monotonic()
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else 150)
    price_day = load_price_day(day or None)
    steps = plan_steps(price_day, once=once)
    console.print(demo_day(price_day))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    if not os.environ.get("MAINNET_RPC_URL"):
        with build_progress() as on_progress:
            ensure_state(genuine=is_genuine(), on_progress=on_progress)
    with ExitStack() as stack:
        site = open_site(stack, console.print, day=price_day, metrics_port=metrics_port)
        progress = stack.enter_context(Progress(*columns, console=console, disable=not sys.stdout.isatty()))
        bar = progress.add_task("walking the day", total=len(steps))
        outcome = walk(site, steps, started_s, lambda _: progress.advance(bar))
        progress.stop()
        print_report(console, outcome)
        report = write_report(site)
        console.print(f"day report: {report.relative_to(project_root())}")
        if json_path:
            write_json(Path(json_path), outcome, price_day.origin, report)
        if stay:
            console.print(f"quote server at {site.server_url} and desk go on until Ctrl-C")
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                site.desk.stay()
    if not outcome.balanced:
        raise typer.Exit(1)
