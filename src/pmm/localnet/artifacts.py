"""Creation bytecode from what protocols publish: build artifacts where they ship them, else their sources.

Artifacts of hardhat, truffle, foundry and 0x carry hex with placeholders for library addresses; typechain
factories carry the hex in a JavaScript string. Sources are compiled as one standard-JSON input, cached by its
hash.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from pmm.errors import SetupError
from pmm.localnet.tarballs import cache_folder
from pmm.toolchain import compile_standard_json

_PLACEHOLDER = re.compile(r"__.{38}")
_IMPORT = re.compile(r"""^\s*import\s+(?:[^;"']*?\bfrom\s+)?["']([^"']+)["']""", re.MULTILINE)
_METADATA_HASH = re.compile(
    rb"(\xa1\x65bzzr0\x58\x20|\xa2\x64ipfs\x58\x22\x12\x20)(.{32})(\x00\x29|\x64solc)", re.DOTALL
)
_LONGEST_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2}|__\$[0-9a-f]{34}\$__){50,})")


def creation_code(
    artifact: Path, *, libraries: Mapping[str, str] | None = None, arguments: bytes = b""
) -> bytes:
    """Return linked creation code with the constructor arguments appended.

    Args:
        artifact: JSON of hardhat, truffle, foundry or 0x, or a JavaScript factory.
        libraries: addresses by library name, plain or fully qualified (``contracts/L.sol:L``).
        arguments: ABI-encoded constructor arguments.

    Raises:
        SetupError: the artifact has no bytecode, or a library is missing.
    """
    if artifact.suffix == ".json":
        document = json.loads(artifact.read_text())
        code, references = _bytecode_of_json(document)
    else:
        code, references = _bytecode_of_script(artifact.read_text()), {}
    if not code.removeprefix("0x"):
        raise SetupError(f"expected creation bytecode in {artifact}, found none")
    return link(code, libraries or {}, references) + arguments


def _bytecode_of_json(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Find hex and link references in the forms the build tools write."""
    if "compilerOutput" in document:  # 0x
        document = document["compilerOutput"]
    if "evm" in document:  # solc's own output
        document = document["evm"]
    code = document.get("bytecode") or document.get("creationCode") or ""
    if isinstance(code, Mapping):
        return str(code["object"]), code.get("linkReferences", {})
    return str(code), document.get("linkReferences", {})


def _bytecode_of_script(text: str) -> str:
    """Return the first long hex string (``"object": "0x.."`` or ``_bytecode = "0x.."``): the creation code."""
    found = _LONGEST_HEX.search(text)
    return found.group(1) if found else ""


def link(code: str, libraries: Mapping[str, str], references: Mapping[str, Any] | None = None) -> bytes:
    """Put library addresses into hex ``code``.

    Known placeholders are solc's ``__$<keccak of the qualified name>$__`` and the older ``__<name>____``.

    Raises:
        SetupError: a placeholder is left; the message names the libraries it may stand for.
    """
    text = code.removeprefix("0x")
    qualified = [f"{unit}:{name}" for unit, names in (references or {}).items() for name in names]
    for name, address in libraries.items():
        matching = [q for q in qualified if name in (q, q.rpartition(":")[2])] or [name]
        for full in matching:
            digest = "__$" + keccak(text=full).hex()[:34] + "$__"
            plain = ("__" + full[:36]).ljust(40, "_")
            short = ("__" + full.rpartition(":")[2][:36]).ljust(40, "_")
            for placeholder in (digest, plain, short):
                text = text.replace(placeholder, address.removeprefix("0x").lower())
    if left := _PLACEHOLDER.search(text):
        raise SetupError(
            f"expected all libraries to be linked, found {left.group(0)} open "
            f"(wanted: {qualified or 'unknown'}, given: {sorted(libraries)})"
        )
    return bytes.fromhex(text)


def with_metadata_hash(code: bytes, metadata_hash: str) -> bytes:
    """Return creation code with another hash of its source's metadata.

    The compiler appends that hash, and it covers file paths and comments: equal code from another folder differs
    in these 32 bytes only.

    Raises:
        SetupError: the code does not hold exactly one metadata hash.
    """
    replaced, count = _METADATA_HASH.subn(lambda m: m[1] + bytes.fromhex(metadata_hash) + m[3], code)
    if count != 1:
        raise SetupError(f"expected one metadata hash in the creation code, found {count}")
    return replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One compiled contract: solc's output, not yet linked."""

    bytecode: str
    link_references: Mapping[str, Any]
    abi: Sequence[Mapping[str, Any]]
    runtime: str

    def creation(self, *, libraries: Mapping[str, str] | None = None, arguments: bytes = b"") -> bytes:
        """Return linked creation code with the constructor arguments appended."""
        return link(self.bytecode, libraries or {}, self.link_references) + arguments


def collect_sources(entries: Mapping[str, str], roots: Mapping[str, Path]) -> dict[str, str]:
    """Return ``entries`` and everything they import, by unit name.

    Args:
        entries: source text by unit name.
        roots: folder by unit-name prefix (``"@openzeppelin/contracts/"``); the longest prefix wins.

    Raises:
        SetupError: an import lies under no root or does not exist.
    """
    sources = dict(entries)
    waiting = list(entries)
    while waiting:
        unit = waiting.pop()
        for imported in _IMPORT.findall(sources[unit]):
            name = (
                posixpath.normpath(posixpath.join(posixpath.dirname(unit), imported))
                if imported.startswith(".")
                else imported
            )
            if name not in sources:
                sources[name] = _read_unit(name, roots, wanted_by=unit)
                waiting.append(name)
    return sources


def _read_unit(name: str, roots: Mapping[str, Path], *, wanted_by: str) -> str:
    for prefix in sorted(roots, key=len, reverse=True):
        if name.startswith(prefix) and (file := roots[prefix] / name[len(prefix) :]).is_file():
            return file.read_text()
    raise SetupError(f"expected {name} (imported by {wanted_by}) under one of {sorted(roots)}, found none")


def compile_contracts(
    *,
    solc: str,
    entries: Mapping[str, str],
    roots: Mapping[str, Path],
    settings: Mapping[str, Any],
    contracts: Sequence[str],
) -> dict[str, Compiled]:
    """Compile sources with their imports and return ``contracts``; cached by hash of the whole input.

    Args:
        solc: compiler version, one of the npm aliases in package.json.
        entries: source text by unit name.
        roots: see :func:`collect_sources`.
        settings: standard-JSON settings without ``outputSelection``.
        contracts: ``unit:Name`` of each contract wanted.

    Raises:
        SetupError: a source is missing or does not compile.
    """
    selection: dict[str, dict[str, list[str]]] = {c.rpartition(":")[0]: {} for c in contracts}
    for contract in contracts:
        unit, _, name = contract.rpartition(":")
        selection[unit][name] = ["abi", "evm.bytecode", "evm.deployedBytecode.object"]
    standard_input = {
        "language": "Solidity",
        "sources": {n: {"content": t} for n, t in sorted(collect_sources(entries, roots).items())},
        "settings": {**settings, "outputSelection": selection},
    }
    key = hashlib.sha256(json.dumps([solc, standard_input], sort_keys=True).encode()).hexdigest()
    cached = cache_folder() / "compiled" / f"{key[:32]}.json"
    if not cached.is_file():
        output = compile_standard_json(solc, standard_input)["contracts"]
        write_atomically(cached, json.dumps(output).encode())
    output = json.loads(cached.read_text())
    return {contract: _compiled(output, contract) for contract in contracts}


def _compiled(output: Mapping[str, Any], contract: str) -> Compiled:
    unit, _, name = contract.rpartition(":")
    try:
        found = output[unit][name]
    except KeyError:
        raise SetupError(f"expected {contract} in the compiler's output, found {sorted(output)}") from None
    return Compiled(
        bytecode=found["evm"]["bytecode"]["object"],
        link_references=found["evm"]["bytecode"]["linkReferences"],
        abi=found["abi"],
        runtime=found["evm"]["deployedBytecode"]["object"],
    )


def write_atomically(target: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none.

    Raises:
        SetupError: the disk is full or the folder not writable.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
            written = Path(scratch) / target.name
            written.write_bytes(content)
            written.replace(target)
    except OSError as error:
        raise SetupError(
            f"expected to write {target}, found: {error.strerror}; free disk space or fix the folder's rights"
        ) from error
