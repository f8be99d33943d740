"""Copy the ABIs of our contracts into the package: ``ape run export_abis [--check]``.

Vyper has no error declarations: the errors of a Vyper contract stand in ``contracts/interfaces/<name>Errors.json``,
which is copied beside its ABI.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import ape
import click

from scripts._build import compile_if_changed

CONTRACTS_FOLDER = Path(__file__).parents[1] / "contracts"
TARGET = Path(__file__).parents[1] / "src" / "pmm" / "chain" / "abis"


def contract_names() -> list[str]:
    """Return the contracts that are deployed: the files beside the folders of modules, interfaces and mocks."""
    return sorted(path.stem for path in CONTRACTS_FOLDER.iterdir() if path.suffix in (".sol", ".vy"))


def expected_abis() -> Iterator[tuple[str, str]]:
    """Yield name and text of every file that belongs into the package."""
    for name in contract_names():
        abi = [entry.model_dump(exclude_none=True, by_alias=True) for entry in ape.project.get(name).abi]
        yield f"{name}.json", json.dumps(abi, indent=1) + "\n"
    for path in sorted((CONTRACTS_FOLDER / "interfaces").glob("*Errors.json")):
        yield path.name, path.read_text()


@click.command()
@click.option("--check", is_flag=True, help="Compare only; exit code 1 on a difference.")
def cli(check: bool) -> None:
    """Copy the ABIs of our contracts into the package, or check that they are there."""
    compile_if_changed()
    expected = dict(expected_abis())
    stale = [
        name
        for name, text in expected.items()
        if not (TARGET / name).exists() or (TARGET / name).read_text() != text
    ]
    surplus = sorted(path.name for path in TARGET.glob("*.json") if path.name not in expected)
    if not check:
        TARGET.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (TARGET / name).write_text(expected[name])
        for name in surplus:
            (TARGET / name).unlink()
    click.echo(f"ABIs {'that differ' if check else 'written'}: {', '.join(stale) or 'none'}")
    if surplus:
        click.echo(f"of no contract{'' if check else ', removed'}: {', '.join(surplus)}")
    if check and (stale or surplus):
        raise SystemExit(1)
