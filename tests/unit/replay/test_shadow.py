"""Shadow decides and judges like the desk, and no key can exist beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from pmm.execution import PairBook
from pmm.pricing import StandardModel
from pmm.pricing.fixed_point import E36
from pmm.replay import HORIZONS_S, markouts, recorded_quotes, shadow_decisions
from tests.unit.replay.recorded_day import LIMITS, PAIR, write_day


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("day") / "journal.sqlite"
    write_day(path)
    return path


def test_shadow_decisions__recorded_day__are_the_desks_own_with_markouts(day: Path) -> None:
    recorded = {quote.quote_id: quote for quote in recorded_quotes(day)}
    found = list(
        shadow_decisions(recorded_quotes(day), StandardModel(), pairs=PairBook([PAIR]), limits=LIMITS)
    )
    assert [one.quote_id for one in found] == list(recorded)
    for one in found:
        line = json.loads(one.to_json())
        assert line["decision"] == recorded[one.quote_id].decision
        assert not {"signature", "order", "salt"} & set(_names(line))
    (first,) = [one for one in found if one.quote_id == "0-pmm-0"]
    gains = {one.horizon_s: one.gain_bps_e2 for one in first.markouts}
    assert set(gains) == set(HORIZONS_S)
    # We bought ETH at about 3,000 less the spread; after 30 s it was at 2,990, after 300 s at 3,030.
    assert gains[30] is not None
    assert gains[300] is not None
    assert gains[30] < 0 < gains[300]


def _names(value: object) -> list[str]:
    if isinstance(value, dict):
        return [name for key, item in value.items() for name in (key, *_names(item))]
    return [name for item in value for name in _names(item)] if isinstance(value, list) else []


def test_markouts__price_known__is_what_was_paid_less_what_was_got() -> None:
    found = markouts(
        making_amount=99, taking_amount=100, quoted_at_s=10, fair_rates=[(10, E36), (15, 2 * E36)]
    )
    # At 1 and 5 s the next fair value is 2: worth 200 for 99. Later there is none.
    assert [one.gain_bps_e2 for one in found] == [505_000, 505_000, None, None, None]


@given(st.integers(min_value=1, max_value=10**30), st.integers(min_value=1, max_value=10**40))
def test_markouts__quoted_at_the_fair_value__gain_nothing_but_rounding(taking: int, rate: int) -> None:
    making = taking * rate // E36
    (one,) = markouts(
        making_amount=making, taking_amount=taking, quoted_at_s=0, fair_rates=[(1, rate)], horizons_s=(1,)
    )
    assert one.gain_bps_e2 is not None
    assert one.gain_bps_e2 >= 0


_NO_KEY = """
import sys
from pathlib import Path
from pmm.chain.signer_keys import generated_key, keystore_key
from pmm.cli.shadow import app
from pmm.domain import SigningKey
from pmm.errors import UnsafeToSign
from pmm.execution import GuardedSigner, SigningMode
from typer.testing import CliRunner

done = CliRunner().invoke(app, ["--journal", sys.argv[1], "--out", sys.argv[2]])
assert done.exit_code == 0, done.output
for make in (
    lambda: SigningKey(b"\\x01" * 32),
    lambda: SigningKey.from_hex("01" * 32),
    generated_key,
    lambda: keystore_key(Path(sys.argv[3]), "secret"),
    lambda: GuardedSigner(SigningKey(b"\\x01" * 32), mode=SigningMode.DEVELOPMENT, node=None),
):
    try:
        make()
    except UnsafeToSign as error:
        assert "without keys" in str(error), error
    else:
        raise SystemExit("a key was made")
print("no key")
"""


def test_shadow_command__whatever_makes_keys__is_refused_in_its_process(day: Path, tmp_path: Path) -> None:
    keystore = tmp_path / "key.json"
    keystore.write_text(json.dumps(Account.encrypt(b"\x01" * 32, "secret", iterations=2)))
    out = tmp_path / "out.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_NO_KEY), str(day), str(out), str(keystore)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PMM_PAIRS": "WETH/USDC"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "no key"
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 7 * 12
