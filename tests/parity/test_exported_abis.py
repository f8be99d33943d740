"""The ABIs in the package are those of the compiled contracts and of the committed error ABIs."""

from __future__ import annotations

from scripts.export_abis import TARGET, expected_abis


def test_exported_abis__every_contract__is_the_compiled_one() -> None:
    expected = dict(expected_abis())
    found = {path.name: path.read_text() for path in TARGET.glob("*.json")}
    assert sorted(found) == sorted(expected), "run `make abis`"
    assert [name for name in expected if found[name] != expected[name]] == [], "run `make abis`"
