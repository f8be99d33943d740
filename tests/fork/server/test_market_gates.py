"""A market that cannot be trusted is not quoted, and nothing is signed."""

from decimal import Decimal
from pathlib import Path

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.domain import USDC, WETH
from pmm.journal import read
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.node import make_present
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import refresh_feeds, set_price
from tests.fork.server.site import Deployed, Server, as_owner, fake_node, serving

# Far above what a read takes on a busy machine: a view grows old by the test's word alone.
_AGE_S = 60


def test_order__feed_stale_after_a_jump_in_time__is_refused_until_it_answers(
    server: Server, chain: ChainBuilder
) -> None:
    server.quote()
    chain.rpc.call("evm_increaseTime", 2 * 3_600)
    chain.rpc.call("evm_mine")
    server.catch_up()
    assert server.refused() == (503, "stale_price")
    assert server.ask("GET", "/levels").status_code == 503
    health = server.ask("GET", "/healthz")
    assert health.status_code == 503
    assert any("ETH / USD" in reason for reason in health.json()["reasons"])
    refresh_feeds(chain.rpc)
    server.catch_up()
    server.quote()


def test_order__feed_and_pools_disagree__is_refused(server: Server, chain: ChainBuilder) -> None:
    set_price(chain.rpc, "ETH", Decimal("3400"), pools=False)
    server.catch_up()
    assert server.refused() == (503, "price_deviation")


def test_order__market_moves__the_price_moves_with_it(server: Server, chain: ChainBuilder) -> None:
    for price in ("2500", "2750.5"):
        set_price(chain.rpc, "ETH", Decimal(price))
        server.catch_up()
        making = Decimal(server.quote().signed.order.making_amount).scaleb(-6)
        # A spread of some basis points, and USDC a little off its dollar.
        assert Decimal("0.998") < making / Decimal(price) < Decimal("1.0005")


def test_order__signer_paused__is_refused(server: Server, chain: ChainBuilder, deployed: Deployed) -> None:
    as_owner(chain, deployed, "pauseSigner(address)", server.runtime.signer.address)
    server.catch_up()
    assert server.refused() == (503, "paused")
    assert server.refused(settlement="pmm") == (503, "paused")


def test_order__epoch_bumped__new_orders_carry_the_new_one(
    server: Server, chain: ChainBuilder, deployed: Deployed
) -> None:
    as_owner(chain, deployed, "cancelAllLanes(address)", server.runtime.signer.address)
    server.catch_up()
    for settlement in ("1inch", "pmm"):
        salt = server.quote(settlement=settlement).signed.order.salt
        assert salt >> 160 & 0xFFFFFFFF == 1


def test_order__token_no_longer_settled__is_refused(
    server: Server, chain: ChainBuilder, deployed: Deployed
) -> None:
    as_owner(chain, deployed, "unregisterToken(address)", USDC.address)
    server.catch_up()
    assert server.refused() == (422, "pair_not_quoted")


def test_order__allowance_to_1inch_withdrawn__is_refused_there_only(
    server: Server, chain: ChainBuilder, deployed: Deployed
) -> None:
    as_owner(chain, deployed, "setRouterAllowance(address,uint128)", USDC.address, 0)
    server.catch_up()
    assert server.refused() == (422, "insufficient_inventory")
    server.quote(settlement="pmm")
    assert ONEINCH_ROUTER not in server.ask("GET", "/levels").text


def test_order__inventory_withdrawn__is_refused(
    server: Server, chain: ChainBuilder, deployed: Deployed
) -> None:
    as_owner(
        chain, deployed, "withdraw(address,address,uint256)", USDC.address, deployed.owner, 119_999 * 10**6
    )
    server.catch_up()
    assert server.refused() == (422, "insufficient_inventory")
    assert server.ask("GET", "/levels").json()[f"{WETH.address}_{USDC.address}".lower()] == []


def test_order__node_dies_in_the_middle__is_refused_and_nothing_is_signed(
    deployed: Deployed, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.sqlite"
    with AnvilNode(fork_url=deployed.rpc.url) as node:
        make_present(node.url)
        with serving(deployed, journal, rpc_url=node.url, max_market_age_ms=_AGE_S * 1_000) as server:
            server.quote()
            node.stop()
            server.age_view(_AGE_S)
            assert server.refused() == (503, "node_unavailable")
            assert server.ask("GET", "/levels").status_code == 503
            assert server.ask("GET", "/healthz").status_code == 503
    quoted = [entry.decision for entry in read(journal)]
    assert quoted == ["quoted", "node_unavailable"]


def test_order__node_answers_nonsense__is_refused(deployed: Deployed, tmp_path: Path) -> None:
    answers: dict[str, object] = {}
    with (
        fake_node(deployed.rpc.url, answers) as node,
        serving(
            deployed, tmp_path / "j.sqlite", rpc_url=node.url, max_market_age_ms=_AGE_S * 1_000
        ) as server,
    ):
        server.quote()
        answers["eth_call"] = lambda: {"result": "0x"}
        server.age_view(_AGE_S)
        assert server.refused() == (503, "node_unavailable")
        answers["eth_call"] = lambda: {"error": {"code": -32000, "message": "header not found"}}
        server.catch_up()
        assert server.refused() == (503, "node_unavailable")
        del answers["eth_call"]
        server.catch_up()
        server.quote()


def test_order__another_node_behind_the_address__is_refused(deployed: Deployed, tmp_path: Path) -> None:
    answers: dict[str, object] = {}
    with (
        fake_node(deployed.rpc.url, answers) as node,
        serving(deployed, tmp_path / "j.sqlite", rpc_url=node.url) as server,
    ):
        server.quote()
        answers["eth_chainId"] = lambda: {"result": "0xa"}
        server.catch_up()
        status, code = server.refused()
        assert status in (422, 503)
        assert code in ("unknown_chain", "unsafe_to_sign")
        answers["eth_chainId"] = lambda: {"result": "0x1"}
        answers["web3_clientVersion"] = lambda: {"result": "Geth/v1.16"}
        answers["anvil_nodeInfo"] = lambda: {"error": {"code": -32601, "message": "no such method"}}
        server.catch_up()
        assert server.refused() == (503, "unsafe_to_sign")
