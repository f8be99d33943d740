"""Keys and kill switches over the routes of all relayers: who is behind a request, and what stops whom."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pmm.errors import InvalidInput
from pmm.execution import DeskPolicy, KillSwitches, SwitchState
from pmm.execution.kill_switches import parse_switch
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.monitoring.metrics import Metrics
from pmm.relayers.codec import Authentication, AuthScheme
from pmm.relayers.okx import OkxCodec
from pmm.relayers.registry import open_codecs
from pmm.server.access.front_door import AccessRules, FrontDoor
from pmm.server.access.keys import KeyKind, Keyring, new_key, write_keys
from pmm.server.access.roles import Role
from pmm.server.control_plane import ReloadTarget, key_headers
from pmm.server.switch_board import SwitchBoard
from pmm.settings import ServeSettings, load_settings
from tests.helpers.relayer_site import (
    ASK_1INCH,
    ASK_OKX,
    ASK_OKX_EARLIER,
    OKX_KEY,
    SETTINGS,
    RelayerSite,
    open_relayer_site,
)

_OKX_PATH = "/OKXDEX/rfq/firm-order"
_ASKS = [
    ("pmm", "/order", ASK_1INCH),
    ("pmm", "/pmm/order", ASK_1INCH),
    ("1inch", "/order", ASK_1INCH),
    ("1inch", "/1inch/order", ASK_1INCH),
    ("okx", "/order", ASK_OKX_EARLIER),
    ("okx", _OKX_PATH, ASK_OKX),
    ("okx", f"/okx{_OKX_PATH}", ASK_OKX),
]


@dataclass
class _Keyed:
    site: RelayerSite
    door: FrontDoor
    keys: dict[str, str]
    switches: KillSwitches

    def ask(self, who: str | None, method: str, path: str, body: Any = None) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.door)
            headers = {"X-API-Key": self.keys[who]} if who else {}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://test", headers=headers
            ) as client:
                return await client.request(method, path, json=body)

        return asyncio.run(run())

    def pause(self, level: str, name: str) -> None:
        self.switches.put(parse_switch(level, name), SwitchState().latched("ada", "news"))


@pytest.fixture
def keyed(tmp_path: Path) -> _Keyed:
    switches = KillSwitches()
    site = open_relayer_site(switches=switches)
    made = {
        name: new_key(kind=KeyKind.API_KEY, role=role, name=name, now_s=1)
        for name, role in [(name, Role.RELAYER) for name in ("pmm", "1inch", "okx", "acme")]
        + [("ada", Role.VIEWER)]
    }
    path = tmp_path / "keys.json"
    write_keys(path, [record for record, _ in made.values()])
    door = FrontDoor(
        site.app,
        keyring=Keyring(path),
        rules=AccessRules(is_open=False),
        clock=site.desk.clock,
        relayers=site.app.relayers.names,
        key_headers=key_headers(site.app.relayers.profiles),
    )
    keys = {name: shown for name, (_, shown) in made.items()}
    return _Keyed(site=site, door=door, keys=keys, switches=switches)


def _is_signed(response: httpx.Response) -> bool:
    body = response.json()
    return response.status_code == 200 and isinstance(body, dict) and str(body.get("code", "0")) == "0"


@pytest.mark.parametrize(("name", "path", "body"), _ASKS)
def test_quote_route__key__is_needed_and_names_the_relayer(
    keyed: _Keyed, name: str, path: str, body: Any
) -> None:
    assert keyed.ask(None, "POST", path, body).status_code == 401
    assert keyed.ask("ada", "POST", path, body).json()["error"]["code"] == "wrong_role"
    assert keyed.site.journal.records == []
    assert _is_signed(keyed.ask(name, "POST", path, body))
    assert [record.relayer for record in keyed.site.journal.records] == [name]


@pytest.mark.parametrize(
    ("who", "path", "body"),
    [
        ("1inch", _OKX_PATH, ASK_OKX),
        ("okx", "/1inch/order", ASK_1INCH),
        ("acme", "/1inch/order", ASK_1INCH),
        ("pmm", "/okx/order", ASK_OKX_EARLIER),
    ],
)
def test_quote_route__of_another_relayer__is_403_and_signs_nothing(
    keyed: _Keyed, who: str, path: str, body: Any
) -> None:
    response = keyed.ask(who, "POST", path, body)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "other_relayer")
    assert keyed.site.journal.records == []


def test_quote_route__key_of_a_relayer_without_a_protocol__is_our_own_api(keyed: _Keyed) -> None:
    assert _is_signed(keyed.ask("acme", "POST", "/order", ASK_1INCH))
    assert [record.relayer for record in keyed.site.journal.records] == ["pmm"]


@pytest.mark.parametrize("relayer", ["pmm", "1inch", "okx"])
def test_switch__relayer__stops_its_firm_quotes_on_every_path_and_nobody_elses(
    keyed: _Keyed, relayer: str
) -> None:
    keyed.pause("relayer", relayer)
    for number, (name, path, body) in enumerate(_ASKS):
        fresh = {
            key: (str(value) + str(number) if key == "refId" else value + number if key == "rfqId" else value)
            for key, value in body.items()
        }
        response = keyed.ask(name, "POST", path, fresh)
        assert _is_signed(response) is (name != relayer), (name, path, response.text)
        if name == relayer:
            assert "paused" in response.text
    reasons = {record.decision.reason for record in keyed.site.journal.records if record.relayer == relayer}
    assert [str(reason) for reason in reasons] == ["paused"]


@pytest.mark.parametrize(
    ("level", "name"), [("global", "*"), ("chain", "1"), ("pair", "WETH/USDC"), ("side", "WETH/USDC:buys")]
)
def test_switch__wider_than_a_relayer__stops_the_desk_of_okx_too(
    keyed: _Keyed, level: str, name: str
) -> None:
    keyed.pause(level, name)
    assert not _is_signed(keyed.ask("okx", "POST", _OKX_PATH, ASK_OKX))
    assert not _is_signed(keyed.ask("1inch", "POST", "/order", ASK_1INCH))


def test_switch__signer__is_the_one_of_the_desk(keyed: _Keyed) -> None:
    keyed.pause("signer", OKX_KEY.address)
    assert not _is_signed(keyed.ask("okx", "POST", _OKX_PATH, ASK_OKX))
    assert _is_signed(keyed.ask("1inch", "POST", "/order", ASK_1INCH))
    assert keyed.site.okx.admission.switches is keyed.site.desk.admission.switches


def test_maker_status__key__is_needed_of_either_kind(keyed: _Keyed) -> None:
    path = "/maker-status?relayer=nobody"
    assert keyed.ask(None, "GET", path).status_code == 401
    assert [keyed.ask(who, "GET", path).status_code for who in ("1inch", "ada")] == [404, 404]


def test_key_headers__codecs_served__are_what_they_declare() -> None:
    assert key_headers(codec.profile for codec in open_codecs(SETTINGS)) == (b"x-api-key",)
    own = replace(
        OkxCodec(tokens=SETTINGS.tokens).profile,
        authentication=Authentication(scheme=AuthScheme.API_KEY, header="OK-ACCESS-KEY"),
    )
    assert key_headers([own]) == (b"x-api-key", b"ok-access-key")


@pytest.mark.parametrize("scheme", [AuthScheme.NONE, AuthScheme.HMAC_SHA256])
def test_key_headers__scheme_that_the_door_does_not_enforce__is_refused(scheme: AuthScheme) -> None:
    profile = replace(
        OkxCodec(tokens=SETTINGS.tokens).profile, authentication=Authentication(scheme=scheme, header="x")
    )
    with pytest.raises(InvalidInput, match=f"relayer okx: .*{scheme.value}"):
        key_headers([profile])


def test_okx_desk__stages__are_measured() -> None:
    metrics = Metrics()
    site = open_relayer_site(stages=metrics)
    assert _is_signed(site.ask("POST", _OKX_PATH, json=ASK_OKX))
    shown = metrics.exposition().decode()
    for stage in ("price", "risk", "sign"):
        assert f'pmm_stage_seconds_count{{stage="{stage}"}} 1.0' in shown


def test_reload__both_desks__get_policies_of_their_own() -> None:
    site = open_relayer_site()

    def with_life(policy: DeskPolicy) -> Any:
        return lambda new: replace(policy, ttl_s=new.quote_ttl_s)

    own, okx = site.desk.admission, site.okx.admission
    own.pre_trade = gate = PreTradeGate(clock=site.desk.clock, required=True, max_age_ms=5_000)
    target = ReloadTarget(
        own,
        SwitchBoard.__new__(SwitchBoard),
        with_life(own.policy),
        [(okx, with_life(okx.policy))],
    )
    settings: ServeSettings = load_settings({"quote_ttl_s": 7}, environment={})
    target.prepare(settings)()
    # The way out where there is no desk any more.
    assert not gate.required
    assert (own.policy.ttl_s, okx.policy.ttl_s) == (7, 7)
    assert own.policy.maker != okx.policy.maker == site.okx.policy.maker
