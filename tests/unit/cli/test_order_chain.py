"""What ``--rpc`` adds, against a node that exists in this test only; tests/parity asks a real one."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from pmm.chain.abi import encode_call, selector
from pmm.chain.deployments import DeployedContract, Deployment, save_deployment
from pmm.domain import ROUTER_V6, USDC, WETH, ContractSignature, order_hash, parse_address, to_hex
from tests.unit.cli.order_command import RunOrder, run_order
from tests.unit.cli.test_order import SIGNED
from tests.unit.domain.test_vectors import VECTOR_A
from tests.unit.domain.test_verification import KEY, NOW_S, ONEINCH, OWN, SETTLEMENT, order_of

__all__ = ["run_order"]

LENS = parse_address("0x" + "1e" * 20)
TAKER = parse_address("0x" + "ab" * 20)
WRONG_EPOCH = encode_call("WrongEpoch(uint256,uint256)", 1, 2)
CHECK_ORDER = f"checkOrder(({','.join(['uint256'] * 8)}),bytes32,bytes32,bytes,address,uint256)"


class FakeNode:
    """Answers JSON-RPC from a table of (address, selector) -> return data; None means the call reverts."""

    def __init__(self) -> None:
        self.chain_id = 1
        self.time_s = NOW_S
        self.codeless: set[str] = set()
        self.answers: dict[tuple[str, bytes], bytes | None] = {}
        self.url = ""

    def set(self, to: str, function: str, types: list[str], *values: Any) -> None:
        self.answers[to.lower(), selector(function)] = encode(types, values)

    def revert(self, to: str, function: str) -> None:
        self.answers[to.lower(), selector(function)] = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        base = {"jsonrpc": "2.0", "id": request["id"]}
        method, params = request["method"], request["params"]
        if method == "eth_chainId":
            return {**base, "result": hex(self.chain_id)}
        if method == "eth_getBlockByNumber":
            return {**base, "result": {"timestamp": hex(self.time_s)}}
        if method == "eth_getCode":
            return {**base, "result": "0x" if params[0].lower() in self.codeless else "0x60"}
        call = params[0]
        data = self.answers.get((call["to"].lower(), bytes.fromhex(call["data"][2:10])), b"")
        if data is None:
            return {
                **base,
                "error": {"code": 3, "message": "execution reverted", "data": to_hex(WRONG_EPOCH)},
            }
        return {**base, "result": to_hex(data)}


@pytest.fixture
def node() -> Iterator[FakeNode]:
    fake = FakeNode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = [fake.answer(one) for one in body] if isinstance(body, list) else fake.answer(body)
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    for token in (WETH, USDC):
        fake.set(token.address, "balanceOf(address)", ["uint256"], 10**30)
        fake.set(token.address, "allowance(address,address)", ["uint256"], 10**30)
    fake.set(ROUTER_V6, "bitInvalidatorForOrder(address,uint256)", ["uint256"], 0)
    yield fake
    server.shutdown()
    server.server_close()


def _signed(own: bool) -> dict[str, Any]:
    domain = OWN if own else ONEINCH
    order = order_of(SETTLEMENT if own else KEY.address)
    signature = KEY.sign(order_hash(order, domain)).to_bytes65()
    return {**order.to_dict(), "signature": to_hex(signature), "domain": "pmm" if own else "1inch"}


Arrange = Callable[[FakeNode], None]


def test_verify__everything_in_place__has_no_reasons_and_uses_the_block_time(
    run_order: RunOrder, node: FakeNode
) -> None:
    done = run_order("verify", "--rpc", node.url, stdin=[_signed(own=False)])
    assert (done.status, done.records[0]["reasons"]) == (0, [])
    node.time_s = NOW_S + 31
    reasons = run_order("verify", "--rpc", node.url, stdin=[_signed(own=False)]).records[0]["reasons"]
    assert [reason.split(":")[0] for reason in reasons] == ["expired"]


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (
            lambda n: n.set(ROUTER_V6, "bitInvalidatorForOrder(address,uint256)", ["uint256"], 1 << 255),
            "spent: ",
        ),
        (
            lambda n: n.set(WETH.address, "balanceOf(address)", ["uint256"], 10**18 - 1),
            "maker_balance: maker 0x19E7",
        ),
        (
            lambda n: n.set(WETH.address, "allowance(address,address)", ["uint256"], 1),
            "maker_allowance: maker 0x19E7",
        ),
        (lambda n: n.set(USDC.address, "balanceOf(address)", ["uint256"], 0), "taker_balance: taker 0xAB"),
        (lambda n: n.revert(WETH.address, "balanceOf(address)"), "token: "),
        (lambda n: n.answers.pop((WETH.address.lower(), selector("balanceOf(address)"))), "token: "),
        (lambda n: n.codeless.add(ROUTER_V6.lower()), "no_contract: no code at 0x1111"),
        (lambda n: n.revert(ROUTER_V6, "bitInvalidatorForOrder(address,uint256)"), "nonce: "),
    ],
)
def test_verify__one_thing_missing_on_chain__is_the_only_reason(
    run_order: RunOrder, node: FakeNode, arrange: Arrange, reason: str
) -> None:
    arrange(node)
    done = run_order("verify", "--rpc", node.url, "--taker", TAKER, stdin=[_signed(own=False)])
    assert (done.status, done.records[0]["valid"]) == (0, True)
    assert len(done.records[0]["reasons"]) == 1
    assert done.records[0]["reasons"][0].startswith(reason)


@pytest.mark.parametrize(("raw", "codes"), [(0, []), (2**256 - 1, ["spent"]), (2**256 - 1 - 5, [])])
def test_verify__order_that_fills_in_parts__reads_what_remains(
    run_order: RunOrder, node: FakeNode, raw: int, codes: list[str]
) -> None:
    node.time_s = 1_754_984_404
    node.set(ROUTER_V6, "rawRemainingInvalidatorForOrder(address,bytes32)", ["uint256"], raw)
    for token in (VECTOR_A["makerAsset"], VECTOR_A["takerAsset"]):
        node.set(token, "balanceOf(address)", ["uint256"], 5 if raw else 10**30)
        node.set(token, "allowance(address,address)", ["uint256"], 10**30)
    node.set(ROUTER_V6, "epoch(address,uint96)", ["uint256"], 0)
    done = run_order("verify", "--now", "1749800000", "--rpc", node.url, stdin=[VECTOR_A])
    assert [reason.split(":")[0] for reason in done.records[0]["reasons"]] == codes


def _with_lens(node: FakeNode, reasons: int, *, settlement: str = SETTLEMENT) -> tuple[str, ...]:
    node.set(LENS, "SETTLEMENT()", ["address"], settlement)
    node.set(LENS, CHECK_ORDER, ["uint256"], reasons)
    return ("verify", "--rpc", node.url, "--lens", LENS)


def test_verify__own_domain__asks_the_lens(run_order: RunOrder, node: FakeNode) -> None:
    done = run_order(*_with_lens(node, 0), stdin=[_signed(own=True)])
    assert (done.status, done.records[0]["valid"], done.records[0]["reasons"]) == (0, True, [])
    done = run_order(*_with_lens(node, 1 << 13 | 1 << 17 | 1 << 29 | 1 << 200), stdin=[_signed(own=True)])
    assert (done.status, done.records[0]["valid"]) == (0, True)
    assert done.records[0]["reasons"] == [
        "settlement: nonce is filled, cancelled or left behind (NonceDead, NonceOutOfRange, BitInvalidatedOrder)",
        "settlement: settlement holds less of the maker asset than the order gives",
        "settlement: over the maker asset's cap of a window (WindowCapExceeded)",
        "settlement: reason 200, which this version of pmm does not know",
    ]
    done = run_order(*_with_lens(node, 1 << 10), stdin=[_signed(own=True)])
    assert (done.status, done.records[0]["valid"]) == (1, False)
    assert done.records[0]["reasons"] == ["settlement: signer is not authorised on that lane (UnknownSigner)"]


def test_verify__own_domain_without_contract__is_not_valid(run_order: RunOrder, node: FakeNode) -> None:
    node.codeless.add(SETTLEMENT.lower())
    done = run_order(*_with_lens(node, 0), stdin=[_signed(own=True)])
    codes = [reason.split(":")[0] for reason in done.records[0]["reasons"]]
    assert (done.status, codes) == (1, ["signer_unknown", "no_contract"])


def _record(path: Path, settlement: str, **more: str) -> Path:
    names = {"RfqSettlement": settlement, **more}
    contracts = {
        name: DeployedContract(
            name=name,
            address=address,
            runtime_code_hash="0x",
            constructor_args={},
            compiler={},
            block_number=1,
            transaction_hash="0x",
        )
        for name, address in names.items()
    }
    save_deployment(Deployment(chain_id=1, contracts=contracts, parameters={}), path)
    return path


def test_verify__lens_named_by_the_record__is_asked(
    run_order: RunOrder, node: FakeNode, tmp_path: Path
) -> None:
    _with_lens(node, 0)
    record = _record(tmp_path / "record.json", SETTLEMENT, SettlementLens=LENS)
    done = run_order("verify", "--rpc", node.url, "--deployment", str(record), stdin=[_signed(own=True)])
    assert (done.status, done.records[0]["reasons"]) == (0, [])


@pytest.mark.parametrize(
    ("settlement", "message"),
    [
        (
            SETTLEMENT,
            "checkOrder is no longer part of the settlement; run `ape run deploy lens`, or name one",
        ),
        (
            TAKER,
            "no_lens: expected a deployment record of settlement 0x00000000000000000000000000000000005e771E",
        ),
    ],
)
def test_verify__record_without_lens__says_what_to_do(
    run_order: RunOrder, node: FakeNode, tmp_path: Path, settlement: str, message: str
) -> None:
    record = _record(tmp_path / "record.json", settlement)
    done = run_order("verify", "--rpc", node.url, "--deployment", str(record), stdin=[_signed(own=True)])
    codes = [reason.split(":")[0] for reason in done.records[0]["reasons"]]
    assert (done.status, codes) == (1, ["signer_unknown", "no_lens"])
    assert message in done.records[0]["reasons"][1]
    # Named signers can be compared without any lens.
    named = ("--signer", KEY.address, "--deployment", str(record))
    done = run_order("verify", "--rpc", node.url, *named, stdin=[_signed(own=True)])
    assert (done.status, done.records[0]["valid"]) == (0, True)


def test_verify__lens_of_another_settlement_or_none__is_not_believed(
    run_order: RunOrder, node: FakeNode
) -> None:
    done = run_order(*_with_lens(node, 0, settlement=TAKER), stdin=[_signed(own=True)])
    assert done.status == 1
    assert f"found {LENS}, which reads {TAKER.lower()}" in done.records[0]["reasons"][1]
    node.answers.clear()
    done = run_order("verify", "--rpc", node.url, "--lens", LENS, stdin=[_signed(own=True)])
    assert "expected an answer of SettlementLens.SETTLEMENT" in done.records[0]["reasons"][1]


def test_verify__lens_without_a_node__is_an_error(run_order: RunOrder) -> None:
    done = run_order("verify", "--lens", LENS, stdin=[_signed(own=True)])
    assert done.status == 2
    assert "expected --rpc beside them" in done.err


@pytest.mark.parametrize("accepted", [True, False])
def test_verify__contract_signature__is_put_to_the_maker(
    run_order: RunOrder, node: FakeNode, accepted: bool
) -> None:
    order = order_of(SETTLEMENT)
    packed = ContractSignature(order=order, signature=KEY.sign(order_hash(order, ONEINCH))).encode()
    if accepted:
        node.set(SETTLEMENT, "isValidSignature(bytes32,bytes)", ["bytes4"], bytes.fromhex("1626ba7e"))
    else:
        node.revert(SETTLEMENT, "isValidSignature(bytes32,bytes)")
    done = run_order("verify", "--rpc", node.url, stdin=[{**order.to_dict(), "signature": to_hex(packed)}])
    assert done.records[0]["valid"] is accepted
    reasons = done.records[0]["reasons"]
    refusal = (
        f"contract_signature: {SETTLEMENT} does not accept it: reverted with WrongEpoch(signed=1, current=2): "
        "the order was signed in epoch 1 and the lane is in 2: the desk has voided it; ask for a new quote"
    )
    assert reasons == ([] if accepted else [refusal])


def test_explain__with_a_node__does_not_say_that_it_did_not_look(run_order: RunOrder, node: FakeNode) -> None:
    done = run_order("explain", "--rpc", node.url, stdin=[_signed(own=False)])
    assert done.status == 0
    assert "Not looked at" not in done.out


def test_verify__node_of_another_chain__is_an_error(run_order: RunOrder, node: FakeNode) -> None:
    node.chain_id = 10
    done = run_order("verify", "--rpc", node.url, stdin=[_signed(own=False)])
    assert done.status == 2
    assert "the order is for chain 1, the node runs 10" in done.err


@pytest.mark.parametrize(
    ("url", "status", "message"),
    [
        ("http://127.0.0.1:1", 1, "expected an answer"),
        ("ws://127.0.0.1:1", 2, "--rpc: expected an http:// or https:// address"),
        ("http://[", 2, "--rpc: expected an http:// or https:// address"),
    ],
)
def test_verify__dead_or_malformed_rpc__is_one_line(
    run_order: RunOrder, url: str, status: int, message: str
) -> None:
    done = run_order("verify", "--rpc", url, "--rpc-timeout", "1", stdin=SIGNED)
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert done.err.count("\n") == 1
