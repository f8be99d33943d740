"""The contract tests' fixtures serve here too."""

from __future__ import annotations

from tests.contracts.conftest import *  # noqa: F403 - pytest finds fixtures by name
