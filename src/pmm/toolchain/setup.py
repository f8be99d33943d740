"""Second half of ``make setup``: everything that is not a Python package.

Installs the locked npm packages, writes the solc launchers, links anvil into the virtual environment and makes
``pmm.environment`` run at interpreter start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from pmm.errors import PmmError, SetupError
from pmm.toolchain.locate import anvil_package, anvil_path, node_path, npm_command, project_root
from pmm.toolchain.solc import install_solc_launchers

ANVIL_VERSION = "1.7.1"
_NPM_TIMEOUT_S = 900
_PTH_NAME = "zz_pmm_environment.pth"


def install_npm_packages() -> None:
    """Run ``npm ci`` on the lock; install scripts stay off, nothing here needs one.

    Raises:
        SetupError: npm failed or took longer than 15 minutes.
    """
    _npm("ci")
    if not (project_root() / "node_modules" / anvil_package()).is_dir():
        # The lock holds anvil for the platform it was made on; npm skips that package everywhere else.
        _npm("install", "--no-save", f"{anvil_package()}@{ANVIL_VERSION}")


def _npm(*arguments: str) -> None:
    command = [*npm_command(), *arguments, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # npm's own child processes look for `node` on PATH.
    path = os.pathsep.join((str(node_path().parent), os.environ.get("PATH", "")))
    try:
        subprocess.run(  # noqa: S603 - fixed arguments
            command, cwd=project_root(), check=True, timeout=_NPM_TIMEOUT_S, env={**os.environ, "PATH": path}
        )
    except subprocess.SubprocessError as error:
        raise SetupError(f"expected `npm {arguments[0]}` to succeed, it failed: {error}") from error


def link_anvil() -> Path:
    """Link anvil into the environment's bin folder, where ape-foundry looks for it, and return the link."""
    link = Path(sys.prefix) / "bin" / "anvil"
    link.unlink(missing_ok=True)
    link.symlink_to(anvil_path())
    return link


def activate_environment() -> Path:
    """Write the ``.pth`` file that imports ``pmm.environment`` at interpreter start and return its path."""
    target = Path(sysconfig.get_paths()["purelib"]) / _PTH_NAME
    # The path line makes the shared parts of scripts/ importable, which `ape run` does not.
    target.write_text(f"import pmm.environment\n{project_root()}\n")
    return target


def main() -> None:
    """Run the steps in order; a failure is one line and exit code 1."""
    try:
        install_npm_packages()
        install_solc_launchers(project_root() / ".solcx")
        link_anvil()
        activate_environment()
    except PmmError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
