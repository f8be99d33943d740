"""OKX's maker account: its key, its inventory on chain, and what a restart takes over."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from eth_abi.abi import encode
from eth_account import Account

from pmm.chain.abi import encode_call
from pmm.chain.okx_maker import OkxMakerReader
from pmm.chain.rpc import JsonRpc
from pmm.chain.web3_node import Call, Web3Node
from pmm.domain import OKX_PMM_PROTOCOL, USDC, WETH, Decision, RefusalReason
from pmm.errors import ChainError, UnsafeToSign
from pmm.execution import (
    ChainView,
    JournalState,
    NonceKey,
    OutcomeKind,
    RelayerNonces,
    Settlement,
    SigningMode,
)
from pmm.execution.relayer_nonces import nonce_of, relayer_nonce_key
from pmm.journal import SqliteJournal
from pmm.server.okx_maker import contract_quotes, open_okx_maker
from pmm.settings import load_settings
from tests.helpers.quoting import ANVIL, GETH, MAKER, MemoryJournal, chain_view, market
from tests.helpers.relayer_site import (
    ASK_1INCH,
    ASK_OKX,
    OKX_KEY,
    RelayerSite,
    open_relayer_site,
    with_account,
)

_RFQ_ID = 2**64 - 3


def _key(rfq_id: int = _RFQ_ID) -> NonceKey:
    return relayer_nonce_key(rfq_id, settlement=Settlement.OKX, maker=OKX_KEY.address)


class _Node:
    """A node that answers balances, allowances and OKX's bitmap from a table."""

    def __init__(self, *, balance: int, allowance: int, bitmap: int | None) -> None:
        self.balance, self.allowance, self.bitmap = balance, allowance, bitmap
        self.block: int | None = None

    def multicall(self, calls: list[Call], *, block: int) -> list[bytes | None]:
        self.block = block
        balance = encode_call("balanceOf(address)", OKX_KEY.address)
        allowance = encode_call("allowance(address,address)", OKX_KEY.address, OKX_PMM_PROTOCOL)
        bitmap = encode_call("invalidatorForOrderRFQ(address,uint256)", OKX_KEY.address, _RFQ_ID >> 8)
        answers: list[bytes | None] = []
        for target, data in calls:
            if target == OKX_PMM_PROTOCOL:
                assert data == bitmap
                answers.append(None if self.bitmap is None else encode(["uint256"], [self.bitmap]))
            else:
                assert data in (balance, allowance)
                value = self.balance if data == balance else self.allowance
                answers.append(encode(["uint256"], [value]))
        return answers


class _Below:
    def __init__(self, view: ChainView) -> None:
        self.view = view
        self.watched: list[NonceKey] = []

    def read(self, watched: list[NonceKey]) -> ChainView:
        self.watched = watched
        return self.view


def _read(node: _Node, view: ChainView, *watched: NonceKey) -> tuple[ChainView, _Below]:
    below = _Below(view)
    reader = OkxMakerReader(
        below,  # type: ignore[arg-type]
        cast(Web3Node, node),
        maker=OKX_KEY.address,
        tokens=(WETH, USDC),
        contract=OKX_PMM_PROTOCOL,
    )
    return reader.read(watched), below


@pytest.mark.parametrize(("balance", "allowance", "spendable"), [(5, 9, 5), (9, 5, 5), (0, 5, 0)])
def test_reader__balance_and_allowance__the_lesser_can_be_promised(
    balance: int, allowance: int, spendable: int
) -> None:
    node = _Node(balance=balance, allowance=allowance, bitmap=0)
    view, _ = _read(node, chain_view())
    assert view.accounts[Settlement.OKX].spendable == {WETH.address: spendable, USDC.address: spendable}
    assert node.block == view.market.block_number
    seen = view.of_account(Settlement.OKX)
    assert seen is not None
    assert seen.balances == seen.router_allowances == view.accounts[Settlement.OKX].spendable


@pytest.mark.parametrize("is_used", [True, False])
def test_reader__id_in_the_bitmap__is_spent(is_used: bool) -> None:
    bitmap = 1 << (_RFQ_ID & 0xFF) if is_used else (1 << 256) - 1 - (1 << (_RFQ_ID & 0xFF))
    other = NonceKey(settlement=Settlement.PMM, signer=MAKER, lane=0, nonce=1)
    view, below = _read(_Node(balance=1, allowance=1, bitmap=bitmap), chain_view(), _key(), other)
    assert (_key() in view.spent) is is_used
    assert list(below.watched) == [other]


def test_reader__no_contract__is_nothing_on_anvil_and_an_error_elsewhere() -> None:
    node = _Node(balance=1, allowance=1, bitmap=None)
    assert _read(node, chain_view(), _key())[0].spent == frozenset()
    with pytest.raises(ChainError, match="PMM_OKX_CONTRACT"):
        _read(node, chain_view(node=GETH), _key())


def test_view__without_account__is_a_refusal() -> None:
    site = open_relayer_site(view=chain_view())
    body = site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX).json()
    assert body["msg"].startswith("node_unavailable")


class _Rpc:
    def __init__(self, code: str) -> None:
        self.code = code

    def call(self, method: str, *arguments: object) -> str:
        assert (method, arguments) == ("eth_getCode", (OKX_PMM_PROTOCOL, "latest"))
        return self.code


def _open(mode: SigningMode, *, code: str = "0x60", **settings: Any) -> Any:
    node = ANVIL if mode is SigningMode.DEVELOPMENT else GETH
    return open_okx_maker(
        load_settings(settings, environment={}), cast(JsonRpc, _Rpc(code)), mode=mode, node=node
    )


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "okx.json"
    path.write_text(json.dumps(Account.encrypt(b"\x09" * 32, "secret", kdf="pbkdf2", iterations=1)))
    return path


def test_open__development_node__makes_a_key_for_the_run() -> None:
    first, second = _open(SigningMode.DEVELOPMENT), _open(SigningMode.DEVELOPMENT)
    assert first.address != second.address


def test_open__keystore_on_a_development_node__is_refused(keystore: Path) -> None:
    with pytest.raises(UnsafeToSign, match="PMM_OKX_KEYSTORE"):
        _open(SigningMode.DEVELOPMENT, okx_keystore=keystore)


def test_open__real_node_without_keystore__is_off() -> None:
    assert _open(SigningMode.LIVE) is None


def test_open__real_node_with_keystore__signs_with_it(keystore: Path) -> None:
    maker = _open(SigningMode.LIVE, okx_keystore=keystore, okx_keystore_password="secret")
    assert maker.address == Account.from_key(b"\x09" * 32).address
    assert "secret" not in repr(maker)


def test_open__nothing_at_the_contract__is_refused(keystore: Path) -> None:
    with pytest.raises(UnsafeToSign, match="found no code"):
        _open(SigningMode.LIVE, code="0x", okx_keystore=keystore, okx_keystore_password="secret")


@pytest.mark.parametrize("rfq_id", [0, 1, 2**40 - 1, 2**40, 2**63, 2**64 - 1])
def test_nonce__rfq_id__comes_back_and_fits_the_journal(rfq_id: int) -> None:
    key = _key(rfq_id)
    assert nonce_of(key) == rfq_id
    assert key.lane < 2**24
    assert key.nonce < 2**40


def test_nonces__live_ones_of_the_journal__are_not_given_again() -> None:
    nonces = RelayerNonces(settlement=Settlement.OKX, maker=OKX_KEY.address, live=(_key(),))
    assert nonces.check(_RFQ_ID).reason is RefusalReason.IDEMPOTENCY_CONFLICT
    assert nonces.check(1).accepted
    assert nonces.check(None).reason is RefusalReason.PAIR_NOT_QUOTED
    nonces.release(_key())
    assert not nonces.check(_RFQ_ID).accepted


def _quote(site: RelayerSite, **changes: object) -> dict[str, Any]:
    found: dict[str, Any] = site.ask("POST", "/OKXDEX/rfq/firm-order", json={**ASK_OKX, **changes}).json()
    return found


def test_settle__id_spent_on_chain__frees_the_account() -> None:
    site = open_relayer_site()
    assert _quote(site, rfqId=_RFQ_ID)["code"] == "0"
    assert site.okx.watched() == (_key(),)
    asyncio.run(
        site.okx.settle(with_account(chain_view(market(block_number=101), spent=frozenset({_key()}))))
    )
    assert site.okx.watched() == ()
    (outcome,) = site.journal.outcomes
    assert (outcome.kind, outcome.signature is not None) == (OutcomeKind.SPENT, True)


def test_settle__quote_expired__frees_the_account() -> None:
    site = open_relayer_site()
    _quote(site)
    view = chain_view(market(block_number=140))
    asyncio.run(site.okx.settle(replace(view, expiry_clock_s=view.expiry_clock_s + 36)))
    assert len(site.okx.watched()) == 1
    asyncio.run(site.okx.settle(replace(view, expiry_clock_s=view.expiry_clock_s + 37)))
    assert site.okx.watched() == ()


def _restarted(path: Path, *bodies: dict[str, Any]) -> JournalState:
    journal = SqliteJournal(path, chain_id=1, maker=MAKER)
    try:
        site = open_relayer_site(journal=cast(MemoryJournal, journal))
        for body in bodies:
            assert _quote(site, **body)["code"] == "0"
        assert site.ask("POST", "/order", json=ASK_1INCH).status_code == 200
        return journal.recover()
    finally:
        journal.close()


def test_restart__live_quotes__stay_reserved_for_the_account_alone(tmp_path: Path) -> None:
    state = _restarted(tmp_path / "j.sqlite", {"rfqId": _RFQ_ID}, {"rfqId": 5, "confidenceT": 9})
    assert {quote.settlement for quote in state.live} == {Settlement.OKX, Settlement.ONEINCH}
    assert [quote.settlement for quote in contract_quotes(state.live)] == [Settlement.ONEINCH]
    site = open_relayer_site(resume=state)
    assert set(site.okx.watched()) == {_key(), _key(5)}
    assert _quote(site, rfqId=5)["code"] == "409"
    assert _quote(site, rfqId=6)["code"] == "0"


def test_gate__other_node_answers__signs_nothing() -> None:
    site = open_relayer_site()
    site.desk.market.answer = with_account(chain_view(node=GETH))
    assert _quote(site)["msg"].startswith("unsafe_to_sign")
    site.desk.market.answer = Decision.refuse(RefusalReason.STALE_PRICE, "old")
    assert _quote(site)["msg"].startswith("stale_price")
