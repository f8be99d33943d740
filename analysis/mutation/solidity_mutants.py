"""Prints the mutants that slither-mutate's mutators make of the Solidity files, as JSON lines.

usage: PYTHON-OF-SLITHER analysis/mutation/solidity_mutants.py PROJECT FILE ...   (files relative to contracts/)

The loop of the command `slither-mutate` compiles and tests each mutant with forge; our tests need Ape, so its
mutators are used as a library and nothing else of it.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slither import Slither  # type: ignore[import-not-found, unused-ignore]
from slither.tools.mutator.mutators import all_mutators  # type: ignore[import-not-found, unused-ignore]
from slither.tools.mutator.mutators.abstract_mutator import (  # type: ignore[import-not-found, unused-ignore]
    AbstractMutator,
)


# FHR only changes visibility and mutability in a head, and pastes whole contracts where it means one word.
_LEFT_OUT = frozenset({"FHR"})


def _patches(unit: Any, contract: Any, kind: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the patches of one mutator, function by function: some of them die of one function."""
    for function in contract.functions_and_modifiers_declared:
        mutator = kind(unit, 0, "", "", contract, None, False, Path(), [])
        mutator.should_mutate_function = lambda other, wanted=function: other is wanted
        try:
            yield from mutator._mutate().get("patches", {}).get(path, [])
        except Exception as error:  # noqa: BLE001 - any
            # slither-mutate itself reports such a failure and goes on.
            print(f"{kind.NAME} failed in {contract.name}.{function.name}: {error}", file=sys.stderr)


def main(project: Path, files: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    kinds: list[Any] = [
        kind
        for _, kind in inspect.getmembers(all_mutators, inspect.isclass)
        if issubclass(kind, AbstractMutator)
    ]
    # slither takes the names of files as relative to the working directory.
    os.chdir(project)
    unit = Slither(".").compilation_units[0]
    for file in files:
        path = str(project / "contracts" / file)
        for contract in unit.contracts:
            if contract.source_mapping.filename.absolute != path or contract.is_interface:
                continue
            for kind in sorted(kinds, key=lambda kind: str(kind.NAME)):
                if kind.NAME in _LEFT_OUT or kind is AbstractMutator:
                    continue
                for patch in _patches(unit, contract, kind, path):
                    entry = {
                        "file": file,
                        "operator": kind.NAME,
                        "start": patch["start"],
                        "end": patch["end"],
                    }
                    print(json.dumps(entry | {"new": str(patch["new_string"])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
