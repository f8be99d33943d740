"""Checks the contracts: prettier and solhint for Solidity, natrix for Vyper.

usage: python -m pmm.toolchain.lint_contracts [--write]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pmm.toolchain.locate import node_path, project_root

_TIMEOUT_S = 300
# NTX4 takes a call to another contract for a read; NTX10 dislikes arguments that an interface prescribes; NTX11
# wants a leading underscore on every argument of an internal function.
_NATRIX_OFF = ("NTX4", "NTX10", "NTX11")


def _node_tool(package: str, entry: str, *arguments: str) -> list[str]:
    return [str(node_path()), str(project_root() / "node_modules" / package / entry), *arguments]


def _solidity_files(root: Path) -> list[str]:
    folders = (root / "contracts", root / "src" / "pmm", root / "tests")
    return sorted(str(path.relative_to(root)) for folder in folders for path in folder.rglob("*.sol"))


def commands(*, write: bool) -> list[list[str]]:
    """Return the command lines, in the order they run; ``write`` reformats Solidity instead of checking it."""
    root = project_root()
    found: list[list[str]] = []
    if solidity := _solidity_files(root):
        mode = "--write" if write else "--check"
        plugin = "--plugin=prettier-plugin-solidity"
        found.append(_node_tool("prettier", "bin/prettier.cjs", plugin, "--print-width=110", mode, *solidity))
        if not write:
            # Mocks misbehave on purpose, and the sources of the offline mainnet imitate others.
            own = [path for path in solidity if path.startswith("contracts/") and "/mocks/" not in path]
            found.append(_node_tool("solhint", "solhint.js", "--max-warnings", "0", "--disc", *own))
    vyper = sorted(str(path.relative_to(root)) for path in (root / "contracts").glob("*.vy"))
    if vyper and not write:
        found.append([str(Path(sys.executable).with_name("natrix")), "lint", *vyper, "-d", *_NATRIX_OFF])
    return found


def main() -> None:
    """Run every command even where an earlier one fails; exit 1 if any failed."""
    failed = False
    for command in commands(write="--write" in sys.argv[1:]):
        outcome = subprocess.run(command, cwd=project_root(), timeout=_TIMEOUT_S, check=False)  # noqa: S603
        failed |= outcome.returncode != 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
