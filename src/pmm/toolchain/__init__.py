"""Finds the node-side tools pmm builds and tests with: node, npm, anvil and solc.

Nothing here downloads by itself: ``make setup`` installs the locked npm packages, and a missing tool is a
``SetupError`` that names the remedy.
"""

from pmm.toolchain.locate import anvil_path, node_path, npm_command, project_root
from pmm.toolchain.solc import compile_standard_json, install_solc_launchers, solc_command

__all__ = [
    "anvil_path",
    "compile_standard_json",
    "install_solc_launchers",
    "node_path",
    "npm_command",
    "project_root",
    "solc_command",
]
