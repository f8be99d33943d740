"""Compiles anew when any contract source changed.

Ape decides file by file whether to recompile and does not follow imports: a change in a module would leave the
contract that imports it as it was. What gets deployed must never be stale.
"""

from __future__ import annotations

import hashlib

import ape

from pmm.toolchain import project_root

_SUFFIXES = (".sol", ".vy", ".vyi", ".json")


def _sources_digest() -> str:
    root = project_root()
    digest = hashlib.sha256((root / "ape-config.yaml").read_bytes())
    for path in sorted(p for p in (root / "contracts").rglob("*") if p.suffix in _SUFFIXES):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def compile_if_changed() -> bool:
    """Compile every contract where the sources or the compiler settings differ from the last such call."""
    stamp = project_root() / ".build" / "sources.sha256"
    digest = _sources_digest()
    if stamp.is_file() and stamp.read_text() == digest:
        return False
    ape.project.load_contracts(use_cache=False)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(digest)
    return True


if __name__ == "__main__":
    compile_if_changed()
