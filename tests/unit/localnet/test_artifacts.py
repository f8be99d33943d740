"""Creation code: every artifact form, library linking, import collection, metadata."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import SetupError
from pmm.localnet.artifacts import (
    collect_sources,
    compile_contracts,
    creation_code,
    link,
    with_metadata_hash,
    write_atomically,
)

LIBRARY = "0x42B24A95702b9986e82d421cC3568932790A48Ec"
QUALIFIED = "contracts/Lib.sol:Lib"
PLACEHOLDER = "__$" + keccak(text=QUALIFIED).hex()[:34] + "$__"
REFERENCES = {"contracts/Lib.sol": {"Lib": [{"start": 1, "length": 20}]}}


def written(folder: Path, document: object, name: str = "A.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


@pytest.mark.parametrize(
    "document",
    [
        {"bytecode": "0x6001"},
        {"bytecode": {"object": "0x6001", "linkReferences": {}}},
        {"compilerOutput": {"evm": {"bytecode": {"object": "0x6001"}}}},
        {"evm": {"bytecode": {"object": "6001", "linkReferences": {}}}},
        {"creationCode": "0x6001"},
    ],
    ids=["hardhat", "foundry", "0x", "solc", "balancer"],
)
def test_creation_code__each_json_form__is_read(tmp_path: Path, document: object) -> None:
    assert creation_code(written(tmp_path, document), arguments=b"\x07") == bytes.fromhex("600107")


def test_creation_code__javascript_factory__takes_the_first_long_hex(tmp_path: Path) -> None:
    script = f'const address = "0x{"ab" * 20}";\nconst _bytecode =\n "0x{"60" * 60}";\nconst more = "0x{"61" * 70}";'
    assert creation_code(written(tmp_path, script, "A__factory.js")) == b"\x60" * 60


@pytest.mark.parametrize("document", [{"bytecode": "0x"}, {"abi": []}, {"bytecode": {"object": "0x"}}])
def test_creation_code__interface_without_code__is_refused(tmp_path: Path, document: object) -> None:
    with pytest.raises(SetupError, match="expected creation bytecode"):
        creation_code(written(tmp_path, document))


@pytest.mark.parametrize("name", ["Lib", QUALIFIED])
def test_link__keccak_placeholder__takes_plain_and_qualified_name(name: str) -> None:
    code = link(f"0x73{PLACEHOLDER}00", {name: LIBRARY}, REFERENCES)
    assert code.hex() == "73" + LIBRARY[2:].lower() + "00"


def test_link__old_style_placeholder__is_known() -> None:
    assert link("73" + "__Lib".ljust(40, "_"), {"Lib": LIBRARY}).hex() == "73" + LIBRARY[2:].lower()


def test_link__library_missing__names_what_is_wanted() -> None:
    with pytest.raises(SetupError, match=r"expected all libraries to be linked.*contracts/Lib.sol:Lib"):
        link(f"73{PLACEHOLDER}", {}, REFERENCES)


@given(st.binary(min_size=0, max_size=200))
def test_link__code_without_placeholder__is_unchanged(code: bytes) -> None:
    assert link("0x" + code.hex(), {"Lib": LIBRARY}) == code


def test_collect_sources__relative_and_mapped_imports__are_followed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "B.sol").write_text('import {C} from "./deep/C.sol";')
    (tmp_path / "deep" / "C.sol").write_text("import '../B.sol';\n// import is a word here\ncontract C {}")
    entry = {"A.sol": 'pragma solidity 0.8.37;\nimport "@lib/B.sol";'}
    assert sorted(collect_sources(entry, {"@lib/": tmp_path})) == ["@lib/B.sol", "@lib/deep/C.sol", "A.sol"]


def test_collect_sources__longest_prefix__wins(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "B.sol").write_text(f"// {folder}")
    roots = {"@lib/": tmp_path / "one", "@lib/x/": tmp_path / "two"}
    assert collect_sources({"A.sol": 'import "@lib/x/B.sol";'}, roots)["@lib/x/B.sol"] == "// two"


def test_collect_sources__import_under_no_root__names_importer() -> None:
    with pytest.raises(SetupError, match=r"expected @lib/B.sol \(imported by A.sol\)"):
        collect_sources({"A.sol": 'import "@lib/B.sol";'}, {})


def test_compile_contracts__second_time__comes_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def solc(version: str, standard_input: dict[str, object]) -> dict[str, object]:
        calls.append(version)
        evm = {"bytecode": {"object": "6001", "linkReferences": {}}, "deployedBytecode": {"object": "01"}}
        return {"contracts": {"A.sol": {"A": {"abi": [], "evm": evm}}}}

    monkeypatch.setattr("pmm.localnet.artifacts.compile_standard_json", solc)
    monkeypatch.setattr("pmm.localnet.artifacts.cache_folder", lambda: tmp_path)

    def compiled(source: str) -> bytes:
        found = compile_contracts(
            solc="0.8.37", entries={"A.sol": source}, roots={}, settings={}, contracts=["A.sol:A"]
        )
        return found["A.sol:A"].creation(arguments=b"\x09")

    assert compiled("contract A {}") == compiled("contract A {}") == bytes.fromhex("600109")
    assert calls == ["0.8.37"]
    compiled("contract A { }")
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [("a165627a7a72305820", "0029"), ("a2646970667358221220", "64736f6c6343060c0033")],
    ids=["swarm", "ipfs"],
)
def test_with_metadata_hash__one_hash__is_replaced(before: str, after: str) -> None:
    code = bytes.fromhex("6001" + before + "11" * 32 + after)
    assert with_metadata_hash(code, "22" * 32).hex() == "6001" + before + "22" * 32 + after


def test_with_metadata_hash__none_or_two__is_refused() -> None:
    one = bytes.fromhex("a165627a7a72305820" + "11" * 32 + "0029")
    with pytest.raises(SetupError, match="found 0"):
        with_metadata_hash(b"\x60", "22" * 32)
    with pytest.raises(SetupError, match="found 2"):
        with_metadata_hash(one + one, "22" * 32)


def test_write_atomically__disk_full__keeps_the_old_file_and_leaves_no_scrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "deep" / "a.json"
    write_atomically(target, b"old")

    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SetupError, match="No space left on device; free disk space"):
        write_atomically(target, b"new")
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]
