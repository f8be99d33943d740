"""Unix sockets that only their user may open: made where nobody listens, and who asks as the kernel says."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path
from typing import Final

from pmm.errors import SetupError

_LONGEST_PATH: Final = 107
"""``sun_path`` of unix(7) less its closing zero."""
_PROBE_S: Final = 1.0
_UCRED: Final = struct.Struct("3i")


def bind_private(path: Path, *, what: str, listens: str) -> socket.socket:
    """Return a socket of mode 0600 that is bound to a path and does not listen yet.

    What a process that was killed has left there is taken away. ``what`` begins the errors, ``listens`` names who
    may have the path already. Raises SetupError where it cannot be made or somebody listens there.
    """
    _check_place(path, what, listens)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mode must be right from the first moment, not a moment later.
    old_mask = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise SetupError(f"{what}: expected to listen at {path}, found: {error.strerror}") from error
    finally:
        os.umask(old_mask)
    return bound


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end (Linux SO_PEERCRED)."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(data)
    return int(uid)


def _check_place(path: Path, what: str, listens: str) -> None:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise SetupError(f"{what}: expected a path of at most {_LONGEST_PATH} bytes, found {path}")
    if not path.parent.is_dir():
        raise SetupError(f"{what}: expected the folder of {path} to exist; make it, mode 0700")
    if not path.exists():
        return
    if not path.is_socket():
        # Connecting to it is refused as it is by what was left behind: it would be taken away.
        raise SetupError(f"{what}: expected a free path at {path}, found a file that is no socket; it stays")
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    probe.settimeout(_PROBE_S)
    with contextlib.closing(probe):
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            # Left behind by a process that was killed.
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SetupError(f"{what}: expected a free path at {path}, found {error.strerror}") from error
    raise SetupError(f"{what}: expected a free path at {path}, found another {listens} that listens there")
