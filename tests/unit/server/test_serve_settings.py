"""Settings: what is wrong is named, what is unknown is refused, what is secret is not shown."""

from decimal import Decimal
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH, FundingSource
from pmm.errors import InvalidInput
from pmm.pricing import SpreadModel
from pmm.relayers.oneinch import ErrorForm, LevelOrder
from pmm.server.assembly import desk_policy, outside_sources, pair_policies
from pmm.settings import load_settings, parse_pair
from pmm.settings_books import open_books
from tests.helpers.quoting import ANVIL, MAKER


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("PMM_"):
            monkeypatch.delenv(name)


def test_load_settings__nothing_set__has_defaults() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8650)
    assert settings.live is False
    assert settings.error_form is ErrorForm.OBJECT
    assert FundingSource.UNISWAP_V3_SWAP in settings.funding_sources


def test_load_settings__environment__is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_PORT", "9000")
    monkeypatch.setenv("PMM_PAIRS", "WETH/USDC, wbtc/usdc")
    monkeypatch.setenv("PMM_HALF_SPREAD_BPS", "2.5")
    monkeypatch.setenv("PMM_FUNDING_SOURCES", "aave_v3_loan")
    monkeypatch.setenv("PMM_LEVEL_ORDER", "size_price")
    monkeypatch.setenv("PMM_LADDER_USD", "10,60000")
    settings = load_settings()
    assert settings.port == 9000
    assert settings.pairs == ("WETH/USDC", "wbtc/usdc")
    assert settings.half_spread_bps == Decimal("2.5")
    assert settings.funding_sources == (FundingSource.AAVE_V3_LOAN,)
    assert settings.level_order is LevelOrder.SIZE_PRICE
    assert settings.ladder_usd == (Decimal(10), Decimal(60_000))


def test_load_settings__option_and_environment__the_option_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_PORT", "9000")
    assert load_settings({"port": 9001, "host": None}).port == 9001


def test_load_settings__no_flash_sources__is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_FUNDING_SOURCES", "")
    assert load_settings().funding_sources == ()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PMM_PORT", "70000", "PMM_PORT"),
        ("PMM_PORT", "many", "PMM_PORT"),
        ("PMM_RPC_URL", "ftp://x", "PMM_RPC_URL"),
        ("PMM_PAIRS", "WETH-USDC", "BASE/QUOTE"),
        ("PMM_PAIRS", "WETH/DOGE", "unknown token"),
        ("PMM_PAIRS", "", "at least one pair"),
        ("PMM_FUNDING_SOURCES", "bank", "uniswap_v3_swap"),
        ("PMM_FUNDING_SOURCES", "uniswap_v3_flash", "not served yet"),
        ("PMM_LADDER_USD", "20,10", "rising sizes"),
        ("PMM_LADDER_USD", "x", "PMM_LADDER_USD"),
        ("PMM_HALF_SPREAD_BPS", "-1", "PMM_HALF_SPREAD_BPS"),
        ("PMM_HALF_SPREAD_BPS", "NaN", "PMM_HALF_SPREAD_BPS"),
        ("PMM_LIVE", "maybe", "PMM_LIVE"),
        ("PMM_QUOTE_TTL_S", "0", "PMM_QUOTE_TTL_S"),
        ("PMM_MAX_FEE_BPS", "10000", "PMM_MAX_FEE_BPS"),
    ],
)
def test_load_settings__wrong_value__names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_load_settings__misspelt_variable__is_refused_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_PROT", "9000")
    with pytest.raises(InvalidInput, match="did you mean PMM_PORT"):
        load_settings()


def test_load_settings__variable_of_another_part__is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_DATA_DIR", "/somewhere")
    load_settings()


def test_load_settings__unknown_option__is_refused() -> None:
    with pytest.raises(InvalidInput, match="PMM_COLOUR"):
        load_settings({"colour": "red"})


def test_settings__password__is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_KEYSTORE_PASSWORD", "hunter2")
    settings = load_settings({"keystore": Path("key.json")})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_settings__loaded__cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_parse_pair__two_tokens__are_found() -> None:
    assert parse_pair("WETH/USDC") == (WETH, USDC)


@pytest.mark.parametrize("name", ["WETH/WETH", "WETH", "/USDC", "A/B/C"])
def test_parse_pair__no_pair__raises(name: str) -> None:
    with pytest.raises(ValueError, match=r"BASE/QUOTE|unknown token"):
        parse_pair(name)


@pytest.mark.parametrize(
    "address",
    ["ftp://host/v3/SECRETKEY", "http://host:SECRETKEY/", "http:///SECRETKEY", "http://h:99999/SECRETKEY"],
)
def test_load_settings__wrong_node_address__is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(InvalidInput, match="PMM_RPC_URL") as caught:
        load_settings({"rpc_url": address})
    assert "SECRETKEY" not in str(caught.value)


def test_load_settings__models__are_read_per_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_SPREAD_MODEL", "avellaneda_stoikov")
    monkeypatch.setenv("PMM_PAIR_MODELS", "WETH/USDC=glft, DAI/USDC=fixed")
    settings = load_settings()
    assert settings.spread_model is SpreadModel.AVELLANEDA_STOIKOV
    assert settings.pair_models == ("WETH/USDC=glft", "DAI/USDC=fixed")
    pairs = [parse_pair(name) for name in settings.pairs]
    policy = desk_policy(settings, ANVIL, MAKER, pairs)
    models = {f"{pair.base.symbol}/{pair.quote.symbol}": pair.spread.model for pair in policy.pairs.policies}
    assert models == {
        "WETH/USDC": SpreadModel.GLFT,
        "WETH/USDT": SpreadModel.AVELLANEDA_STOIKOV,
        "WBTC/USDC": SpreadModel.AVELLANEDA_STOIKOV,
        "DAI/USDC": SpreadModel.FIXED,
    }


def test_load_settings__deviation_of_a_feed__holds_for_its_pairs_and_the_smaller_of_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def bounds() -> dict[str, int]:
        settings = load_settings()
        policies = pair_policies(settings, [parse_pair(name) for name in settings.pairs])
        return {f"{one.base.symbol}/{one.quote.symbol}": one.fair.max_deviation_bps for one in policies}

    assert set(bounds().values()) == {100}
    monkeypatch.setenv("PMM_FEED_DEVIATION_BPS", "WBTC:150, USDT:30, WETH:80")
    assert bounds() == {"WETH/USDC": 80, "WETH/USDT": 30, "WBTC/USDC": 150, "DAI/USDC": 100}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("WETH", "expected TOKEN:BPS"),
        ("WETH:0", "expected TOKEN:BPS"),
        ("WETH:10000", "expected TOKEN:BPS"),
        ("WETH:1.5", "expected TOKEN:BPS"),
        ("MOON:5", "unknown token"),
        ("WETH:5,weth:6", "expected each token once"),
        ("WBTC:5", "expected tokens that are quoted, found WBTC"),
    ],
)
def test_load_settings__deviation_of_no_feed__is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("PMM_PAIRS", "WETH/USDC")
    monkeypatch.setenv("PMM_FEED_DEVIATION_BPS", value)
    with pytest.raises(InvalidInput, match=said):
        load_settings()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("WETH/USDC", "BASE/QUOTE=model"),
        ("WETH/USDC=best", "BASE/QUOTE=model"),
        ("WETH/DAI=glft", "expected pairs that are quoted, found WETH/DAI"),
    ],
)
def test_load_settings__model_of_no_pair__is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("PMM_PAIR_MODELS", value)
    with pytest.raises(InvalidInput, match=said):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PMM_RISK_CONCENTRATION_PCT", "1,x,3", "part 2: Input should be a valid number"),
        ("PMM_RISK_CONCENTRATION_PCT", "1,2", "part 3: Field required"),
        ("PMM_RISK_CONCENTRATION_PCT", "9,2,4", "line: expected target, warning, critical"),
        ("PMM_FUNDING_SOURCES", "uniswap,moon", "expected any of"),
    ],
)
def test_load_settings__wrong_part_of_a_list__names_the_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{name}: {said}")
    assert f"{name}_" not in str(refused.value)


def test_books__named__are_read_with_their_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMM_BOOKS", "binance:ETHUSDC=WETH/USDC, hyperliquid:ETH=WETH/USD")
    monkeypatch.setenv("PMM_BOOK_ADDRESSES", "binance=wss://127.0.0.1:9443/ws")
    settings = load_settings()
    assert outside_sources(settings) == ("binance:ETHUSDC", "hyperliquid:ETH")
    first, second = open_books(settings).books
    assert (first.base, first.quote, second.quote) == (WETH, USDC, None)


@pytest.mark.parametrize(
    "books",
    [
        "kraken:ETHUSDC=WETH/USDC",
        "binance:=WETH/USDC",
        "binance:ETHUSDC",
        "binance:ETHUSDC=WETH",
        "binance:ETHUSDC=WETH/WETH",
        "binance:ETHUSDC=USD/USDC",
        'binance:ETH"USDC=WETH/USDC',
        "binance:ETHUSDC=WETH/USDC,binance:ETHUSDC=WETH/USDT",
    ],
)
def test_books__not_as_they_must_be__are_refused_by_name(books: str) -> None:
    with pytest.raises(InvalidInput, match="PMM_BOOKS"):
        load_settings({"books": books})


@pytest.mark.parametrize(
    "address",
    [
        "binance=https://host/",
        "nowhere=wss://host/",
        "binance=wss://:0/key",
        "binance",
        "binance=ws://a,binance=ws://b",
        ",",
    ],
)
def test_book_addresses__not_as_they_must_be__are_refused_without_a_key(address: str) -> None:
    with pytest.raises(InvalidInput, match="PMM_BOOK_ADDRESSES") as refused:
        load_settings({"book_addresses": address})
    assert "wss://:0/key" not in str(refused.value)
