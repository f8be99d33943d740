"""solc for py-solc-x and for our own compilations: a native binary where there is one, else npm's solc.

The registries that pmm may use carry no native solc, but npm carries every version as JavaScript. A launcher
of two lines per version in ``.solcx`` lets py-solc-x take it for a native one (``SOLCX_BINARY_PATH``).
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

from pmm.errors import SetupError
from pmm.toolchain.locate import node_path, project_root

_LAUNCHER = Path(__file__).with_name("solc_launcher.cjs")
_PROBE_TIMEOUT_S = 20
_COMPILE_TIMEOUT_S = 600


def _npm_solc_folders() -> dict[str, Path]:
    modules = project_root() / "node_modules"
    folders = {}
    for folder in (modules / "solc", *sorted(modules.glob("solc-*"))):
        manifest = folder / "package.json"
        if manifest.is_file():
            folders[str(json.loads(manifest.read_text())["version"])] = folder
    return folders


def _native_solc(version: str) -> Path | None:
    candidates = [Path.home() / ".solcx" / f"solc-v{version}"]
    if on_path := shutil.which("solc"):
        candidates.append(Path(on_path))
    for candidate in candidates:
        if not candidate.is_file():
            continue
        try:
            answer = subprocess.run(  # noqa: S603 - a compiler the user installed
                [str(candidate), "--version"],
                capture_output=True,
                text=True,
                timeout=_PROBE_TIMEOUT_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if f"Version: {version}+" in answer.stdout:
            return candidate
    return None


def solc_command(version: str) -> list[str]:
    """Return the command line prefix that behaves like ``solc`` of ``version``.

    Raises:
        SetupError: neither a native nor an npm compiler of that version is installed.
    """
    if native := _native_solc(version):
        return [str(native)]
    folders = _npm_solc_folders()
    if version not in folders:
        raise SetupError(
            f"expected solc {version} among the npm packages, found {sorted(folders) or 'none'}; "
            "run `make setup`"
        )
    return [str(node_path()), str(_LAUNCHER), str(folders[version])]


def install_solc_launchers(target: Path) -> list[Path]:
    """Write ``solc-v<version>`` launchers for every npm compiler into ``target`` and return them.

    Raises:
        SetupError: no npm compiler is installed.
    """
    versions = _npm_solc_folders()
    if not versions:
        raise SetupError("expected the npm package solc in node_modules, found none; run `make setup`")
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("solc-v*"):
        old.unlink()
    written = []
    for version in versions:
        launcher = target / f"solc-v{version}"
        launcher.write_text(f'#!/bin/sh\nexec {shlex.join(solc_command(version))} "$@"\n')
        launcher.chmod(0o755)
        written.append(launcher)
    return written


def compile_standard_json(version: str, standard_input: dict[str, Any]) -> dict[str, Any]:
    """Compile one standard-JSON input with solc ``version`` and return its output.

    Raises:
        SetupError: the compiler is missing, timed out, or reported an error.
    """
    try:
        answer = subprocess.run(  # noqa: S603 - see solc_command
            [*solc_command(version), "--standard-json"],
            input=json.dumps(standard_input),
            capture_output=True,
            text=True,
            timeout=_COMPILE_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(f"expected solc {version} to compile, it failed: {error}") from error
    output = cast("dict[str, Any]", json.loads(answer.stdout))
    errors = [e["formattedMessage"] for e in output.get("errors", []) if e["severity"] == "error"]
    if errors:
        raise SetupError(f"expected sources that solc {version} accepts, found:\n" + "\n".join(errors))
    return output
