"""Copy the ABIs of our contracts into the package: ``ape run export_abis [--check]``."""

from __future__ import annotations

import json
from pathlib import Path

import ape
import click

from scripts._build import compile_if_changed

CONTRACTS = ("RfqSettlement", "AtomicHedger")
TARGET = Path(__file__).parents[1] / "src" / "pmm" / "chain" / "abis"


@click.command()
@click.option("--check", is_flag=True, help="Compare only; exit code 1 on a difference.")
def cli(check: bool) -> None:
    """Copy the ABIs of our contracts into the package, or check that they are there."""
    compile_if_changed()
    stale = []
    for name in CONTRACTS:
        abi = [entry.model_dump(exclude_none=True, by_alias=True) for entry in ape.project.get(name).abi]
        text = json.dumps(abi, indent=1) + "\n"
        path = TARGET / f"{name}.json"
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    click.echo(f"ABIs {'that differ' if check else 'written'}: {', '.join(stale) or 'none'}")
    if check and stale:
        raise SystemExit(1)
