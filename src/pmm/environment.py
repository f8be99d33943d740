"""Process-wide defaults of the project's virtual environment.

``make setup`` writes a ``.pth`` file that imports this module at interpreter start, so that ``ape``,
``pytest`` and ``pmm`` find the project's compilers and anvil, and Ape's configuration a chain to fork, with
nothing exported by hand. A variable that is already set is left alone.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

OFFLINE_MAINNET_URL = "http://127.0.0.1:8612"
_ROOT = Path(__file__).resolve().parents[2]


def apply() -> None:
    """Set the defaults: solc launchers, anvil on PATH, upstream of the fork, the fast keccak."""
    # Ape's configuration expands PMM_UPSTREAM_RPC_URL; it cannot express "this variable or else that".
    upstream = os.environ.get("MAINNET_RPC_URL") or OFFLINE_MAINNET_URL
    os.environ.setdefault("PMM_UPSTREAM_RPC_URL", upstream)
    os.environ.setdefault("SOLCX_BINARY_PATH", str(_ROOT / ".solcx"))
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
    # ape-solidity's configuration class makes newer pydantic-settings complain at every Ape start.
    warnings.filterwarnings("ignore", message="Field 'import_remapping' has an incomplete definition")
    tools = str(Path(sys.prefix) / "bin")
    path = os.environ.get("PATH", "")
    if tools not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join(filter(None, (tools, path)))


apply()
