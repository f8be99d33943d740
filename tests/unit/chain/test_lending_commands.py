"""Commands of the keeper as transactions of the operator."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.chain.abi import decode_result, encode_call, selector
from pmm.chain.lending_commands import CLOSE_SHORT, LENDING_CALLS, MOVE, CommandPolicy, LendingCommandSender
from pmm.chain.reverts import ABI_FOLDER
from pmm.chain.sender import LedgerTransactionStore, LocalTransactionKey, TransactionSender
from pmm.domain import USDC, WETH, SigningKey, parse_address, to_hex
from pmm.domain.chain_events import LendingMarket
from pmm.execution.lending import Borrow, Deleverage, Repay, Withdraw
from pmm.ledger import open_ledger
from tests.helpers.fake_pool import GWEI, FakePool
from tests.helpers.quoting import MAKER

_ACCOUNT, _HEDGER = parse_address("0x" + "a1" * 20), parse_address("0x" + "a2" * 20)
_KEY = (_ACCOUNT, LendingMarket.COMPOUND_V2)
_REPAY = Repay(
    address=_ACCOUNT, market=LendingMarket.COMPOUND_V2, token=USDC.address, amount=700, moved=500, urgent=True
)


@pytest.fixture
def node() -> FakePool:
    return FakePool()


@pytest.fixture
def sender(node: FakePool, tmp_path: Path) -> Iterator[TransactionSender]:
    ledger = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=MAKER)
    key = LocalTransactionKey(SigningKey.generate(secrets.token_bytes))
    yield TransactionSender(node=node, key=key, store=LedgerTransactionStore(ledger), chain_id=1)
    ledger.close()


@pytest.fixture
def commands(sender: TransactionSender) -> LendingCommandSender:
    return LendingCommandSender(sender, settlement=MAKER, delta_hedger=_HEDGER)


@pytest.mark.parametrize(
    ("contract", "signatures"),
    [("LendingAccount", LENDING_CALLS), ("RfqSettlement", (MOVE,)), ("DeltaHedger", (CLOSE_SHORT,))],
)
def test_calls__are_functions_of_the_contracts(contract: str, signatures: tuple[str, ...]) -> None:
    path = ABI_FOLDER / f"{contract}.json"
    if not path.exists():
        pytest.skip(f"no ABI of {contract} in the package")
    known = {
        selector(f"{entry['name']}({','.join(item['type'] for item in entry['inputs'])})")
        for entry in json.loads(path.read_text())
        if entry["type"] == "function"
    }
    assert {selector(signature) for signature in signatures} <= known


def test_repay__partly_out_of_the_inventory__is_a_move_and_the_repayment_behind_it(
    node: FakePool, commands: LendingCommandSender
) -> None:
    # The repayment alone would revert: what it needs is not there before the move.
    repay = encode_call(LENDING_CALLS[1], 2, USDC.address, 700)
    node.reverts[to_hex(repay)] = "0x"
    assert commands.send(_REPAY, block=7) == ""
    move, second = node.sent
    assert (move.to, move.data) == (MAKER.lower(), to_hex(encode_call(MOVE, USDC.address, 500)))
    assert (second.to, second.data, second.nonce) == (_ACCOUNT.lower(), to_hex(repay), 1)
    assert {(one.account, one.token, one.moved, one.urgent) for one in commands.under_way()} == {
        (_KEY, USDC.address, 500, True),
        (_KEY, USDC.address, 0, True),
    }


def test_send__again_in_the_same_block__sends_nothing(node: FakePool, commands: LendingCommandSender) -> None:
    commands.send(_REPAY, block=7)
    commands.send(_REPAY, block=7)
    assert len(node.sent) == 2


def test_deleverage__is_a_close_of_the_delta_hedger(node: FakePool, commands: LendingCommandSender) -> None:
    command = Deleverage(
        address=_ACCOUNT,
        market=LendingMarket.AAVE_V3,
        token=USDC.address,
        amount=700,
        collateral=WETH.address,
        most_sold=9,
        fee_pips=500,
        min_health_wad=11 * 10**17,
    )
    assert commands.send(command, block=7) == ""
    (sent,) = node.sent
    assert sent.to == _HEDGER.lower()
    values = decode_result(
        ("address", "address", "uint256", "uint256", "uint256"), bytes.fromhex(sent.data[10:])
    )
    assert values[:4] == (USDC.address.lower(), WETH.address.lower(), 700, 9)
    assert values[4] == 1 << 248 | 500 << 224 | 1 << 216 | 11 * 10**17


def test_deleverage__without_a_delta_hedger__is_said(node: FakePool, sender: TransactionSender) -> None:
    commands = LendingCommandSender(sender, settlement=MAKER, delta_hedger=None)
    command = Deleverage(
        address=_ACCOUNT,
        market=LendingMarket.AAVE_V3,
        token=USDC.address,
        amount=1,
        collateral=WETH.address,
        most_sold=1,
        fee_pips=500,
        min_health_wad=1,
    )
    assert "none configured" in commands.send(command, block=7)
    assert node.sent == []


def test_send__would_revert__is_said_and_leaves_nothing_under_way(
    node: FakePool, commands: LendingCommandSender
) -> None:
    command = Withdraw(address=_ACCOUNT, market=LendingMarket.AAVE_V3, token=WETH.address, amount=5)
    node.reverts[to_hex(encode_call(LENDING_CALLS[2], 1, WETH.address, 5))] = "0x"
    assert "would revert" in commands.send(command, block=7)
    assert commands.under_way() == ()


def test_hurry__patient_command__may_pay_what_an_urgent_one_may(
    node: FakePool, sender: TransactionSender, commands: LendingCommandSender
) -> None:
    borrow = Borrow(address=_ACCOUNT, market=LendingMarket.COMPOUND_V2, token=WETH.address, amount=5)
    commands.send(borrow, block=7)
    node.base_fee = 900 * GWEI
    commands.hurry((_ACCOUNT, LendingMarket.AAVE_V3))
    assert sender.open_records[0].intent.fee_cap_wei is None
    commands.hurry(_KEY)
    assert sender.open_records[0].intent.fee_cap_wei == CommandPolicy().urgent_fee_cap_wei
    node.mine(3)
    sender.step()
    node.mine()
    sender.step()
    assert sender.open_records[0].inclusion is not None
