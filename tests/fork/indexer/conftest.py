"""The desk with hooks and a lending account on a fork, as the server's tests have it."""

from tests.fork.server.conftest import chain, deployed, desk_node, journal, server
from tests.fork.server.test_lending_funding import lending_desk

__all__ = ["chain", "deployed", "desk_node", "journal", "lending_desk", "server"]
