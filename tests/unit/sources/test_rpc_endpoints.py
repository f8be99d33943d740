"""Addresses of providers' nodes: made from keys, never shown."""

from __future__ import annotations

import pytest

from pmm.errors import InvalidInput
from pmm.sources import SourceSettings, node_endpoints

KEY = "k3y-that-nobody-may-see"


def test_nodes__keys_of_providers__make_their_addresses_and_are_not_shown() -> None:
    settings = SourceSettings.model_validate({"alchemy_key": KEY, "infura_key": KEY})
    own, alchemy, infura = node_endpoints(settings, "http://127.0.0.1:8545")
    assert alchemy.http.get_secret_value() == f"https://eth-mainnet.g.alchemy.com/v2/{KEY}"
    assert infura.http.get_secret_value() == f"https://mainnet.infura.io/v3/{KEY}"
    assert infura.websocket is not None
    assert infura.websocket.get_secret_value() == f"wss://mainnet.infura.io/ws/v3/{KEY}"
    assert [one.shown for one in (own, alchemy, infura)] == [
        "http://127.0.0.1:8545",
        "https://eth-mainnet.g.alchemy.com",
        "https://mainnet.infura.io",
    ]
    assert KEY not in repr((own, alchemy, infura)) + repr(settings) + settings.model_dump_json()


def test_nodes__no_key__is_our_own_node_alone() -> None:
    assert node_endpoints(SourceSettings.model_validate({})) == ()


@pytest.mark.parametrize("key", ["", "short", "a/b/c/d/e/f", "key with space", "x" * 200])
def test_nodes__key_that_is_none__is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        node_endpoints(SourceSettings.model_validate({"alchemy_key": key}))
    assert not key or key not in str(caught.value)
