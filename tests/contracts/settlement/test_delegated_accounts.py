"""EIP-7702: accounts that delegated to code, set by genuine authorisations in transactions of type 4."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import ape
import pytest
from eth_account import Account

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.chain.rpc import JsonRpc
from pmm.domain import SigningKey
from tests.contracts.settlement.conftest import FORTUNE, UNLIMITED
from tests.contracts.settlement.desk import (
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    Desk,
    args_of,
    args_traits,
    decode_error,
    extension_of,
    lower,
    moved,
    position,
    word,
)

MAGIC = "1626ba7e"
ZERO = "0x" + "00" * 20
Delegate = Callable[[bytes, Any], None]


@pytest.fixture
def delegate(rpc: JsonRpc) -> Delegate:
    """Let the account of a key delegate to a contract; the transaction is sent by another account."""
    sponsor = Account.create()
    rpc.call("anvil_setBalance", sponsor.address, hex(10**20))

    def _delegate(secret: bytes, target: Any) -> None:
        account = Account.from_key(secret)
        chain_id = int(rpc.call("eth_chainId"), 16)
        address = str(getattr(target, "address", target))
        authorisation = account.sign_authorization(
            {
                "chainId": chain_id,
                "address": address,
                "nonce": int(rpc.call("eth_getTransactionCount", account.address, "latest"), 16),
            }
        )
        signed = sponsor.sign_transaction(
            {
                "type": 4,
                "chainId": chain_id,
                "nonce": int(rpc.call("eth_getTransactionCount", sponsor.address, "latest"), 16),
                "to": sponsor.address,
                "value": 0,
                "gas": 200_000,
                "maxFeePerGas": 10**12,
                "maxPriorityFeePerGas": 0,
                "data": b"",
                "authorizationList": [authorisation],
            }
        )
        receipt = rpc.call("eth_sendRawTransactionSync", signed.raw_transaction.to_0x_hex())
        assert int(receipt["status"], 16) == 1
        code = rpc.call("eth_getCode", account.address, "latest")
        wanted = "0x" if address == ZERO else "0xef0100" + address[2:].lower()
        assert code == wanted, "expected a fork that knows EIP-7702 (prague or later)"

    return _delegate


@pytest.fixture
def secret() -> bytes:
    return secrets.token_bytes(32)


@pytest.fixture
def signer(desk: Desk, secret: bytes) -> SigningKey:
    """A signer on one lane whose secret the test has."""
    key = SigningKey(secret)
    desk.settlement.initLanes(key.address, 1, sender=desk.owner)
    return key


@pytest.fixture
def yes_man(owner: Any) -> Any:
    """Code that answers every ERC-1271 question with yes."""
    return owner.deploy(ape.project.MockHookedSettlement, ONEINCH_ROUTER)


@pytest.fixture
def account(desk: Desk, owner: Any) -> Any:
    """An account of Ape's that approved everything and may delegate."""
    holder = ape.accounts.test_accounts[6]
    for token in (desk.base, desk.quote):
        token.mint(holder, FORTUNE, sender=owner)
        token.approve(desk.settlement, UNLIMITED, sender=holder)
    return holder


def _secret_of(account: Any) -> bytes:
    return bytes.fromhex(account.private_key.removeprefix("0x"))


# ---------------------------------------------------------------- signers


def test_delegated_signer__signs_by_its_key__as_before(
    desk: Desk, delegate: Delegate, signer: SigningKey, secret: bytes
) -> None:
    for target in (desk.base, ZERO):
        delegate(secret, target)
        order = desk.order()
        assert desk.simulate(order, signature=desk.sign(order, signer))[0] == MAKING
        digest = order.digest(desk.router_domain)
        packed = order.packed_with(signer.sign(digest))
        assert bytes(desk.settlement.isValidSignature(digest, packed)).hex() == MAGIC


def test_delegated_signer__whose_code_says_yes_to_all__signs_by_its_key_alone(
    desk: Desk,
    delegate: Delegate,
    signer: SigningKey,
    secret: bytes,
    yes_man: Any,
    stranger_key: SigningKey,
) -> None:
    delegate(secret, yes_man)
    assert (
        bytes(ape.project.MockHookedSettlement.at(signer.address).isValidSignature(bytes(32), b"")).hex()
        == MAGIC
    )
    order = desk.order()
    refusal = desk.fill_refusal(order, signature=desk.sign(order, stranger_key))
    assert refusal == ("UnknownSigner", stranger_key.address.lower(), 0)
    assert desk.simulate(order, signature=desk.sign(order, signer))[0] == MAKING


def test_delegated_signer__order_on_1inch__fills_there_as_before(
    desk: Desk,
    delegate: Delegate,
    signer: SigningKey,
    secret: bytes,
    yes_man: Any,
    router: Any,
    on_router: Any,
    stranger_key: SigningKey,
) -> None:
    """1inch asks the settlement, never the signer's account, whatever that account would answer."""
    delegate(secret, yes_man)
    order = desk.order()
    digest = order.digest(desk.router_domain)
    _, _, amount, taker_traits = on_router(order)
    forged = order.packed_with(stranger_key.sign(digest))
    fill = router.fillContractOrder
    assert desk.refusal(fill, order.words, forged, amount, taker_traits, sender=desk.taker) == (
        "BadSignature",
    )
    before = desk.balances(desk.settlement, desk.taker)
    packed = order.packed_with(signer.sign(digest))
    fill(order.words, packed, amount, taker_traits, sender=desk.taker)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]


def test_delegated_signer__calls_made_by_its_code__cancel_its_own_alone(
    desk: Desk, delegate: Delegate, signer: SigningKey, secret: bytes, attacker: Any, owner: Any
) -> None:
    """Code that lets anyone call through an account lets anyone cancel what it signed, and nothing more."""
    delegate(secret, owner.deploy(ape.project.MockTaker))
    through = ape.project.MockTaker.at(signer.address)
    cancel = desk.settlement.cancelNonce.encode_input(position(signer.address, 0, 7))
    through.execute(desk.settlement, cancel, sender=attacker)
    dead = desk.order(nonce=7)
    assert desk.fill_refusal(dead, signature=desk.sign(dead, signer)) == ("NonceDead", 7, 0)
    foreign = desk.settlement.cancelNonce.encode_input(position(desk.key.address, 0, 7))
    refusal = desk.refusal(through.execute, desk.settlement, foreign, sender=attacker)
    assert refusal == ("Unauthorised", signer.address.lower())


# ---------------------------------------------------------------- takers


def test_delegated_taker__fills__as_any_other(
    desk: Desk, delegate: Delegate, account: Any, owner: Any
) -> None:
    delegate(_secret_of(account), owner.deploy(ape.project.MockTaker))
    before = desk.balances(desk.settlement, account)
    receipt = desk.fill(desk.order(), sender=account)
    assert moved(before, desk.balances(desk.settlement, account)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert event.taker == account


def test_delegated_taker__private_order__is_for_the_account(
    desk: Desk, delegate: Delegate, account: Any, owner: Any
) -> None:
    code = owner.deploy(ape.project.MockTaker)
    delegate(_secret_of(account), code)
    extension = extension_of(taker=account.address)
    how: dict[str, Any] = {"taker_traits": args_traits(extension=extension), "args": extension}
    order = desk.with_extension(extension)
    assert desk.simulate(order, sender=account, **how)[0] == MAKING
    assert desk.fill_refusal(order, sender=code, **how) == ("PrivateOrder", lower(code))


def test_delegated_taker__unwrapped_weth__runs_its_code_under_the_lock(
    desk: Desk, delegate: Delegate, account: Any, owner: Any
) -> None:
    delegate(_secret_of(account), owner.deploy(ape.project.MockTaker))
    there = ape.project.MockTaker.at(account.address)
    method, values = desk.call_of(desk.order(nonce=1))
    there.setReaction(desk.settlement, method.encode_input(*values), sender=owner)
    order = desk.order(maker_asset=word(WETH), making_amount=ONE)
    ether = account.balance
    receipt = desk.fill(order, sender=account, taker_traits=UNWRAP_WETH)
    assert account.balance - ether == ONE - receipt.total_fees_paid
    assert decode_error(bytes(there.answer())) == ("Reentered",)


def test_delegated_taker__whose_code_refuses_ether__cannot_unwrap(
    desk: Desk, delegate: Delegate, account: Any
) -> None:
    delegate(_secret_of(account), desk.base)
    order = desk.order(maker_asset=word(WETH), making_amount=ONE)
    refusal = desk.fill_refusal(order, sender=account, taker_traits=UNWRAP_WETH)
    assert refusal == ("EthTransferFailed", lower(account))
    assert desk.simulate(order, sender=account)[0] == ONE


# ---------------------------------------------------------------- interactions


def test_delegated_target__of_an_interaction__runs_its_code_between_the_legs(
    desk: Desk, delegate: Delegate, account: Any, owner: Any
) -> None:
    interaction = bytes.fromhex(account.address[2:]) + b"hello"
    how: dict[str, Any] = {
        "taker_traits": args_traits(interaction=interaction),
        "args": args_of(interaction=interaction),
    }
    assert desk.fill_refusal(desk.order(), **how) == ("NoCode", lower(account))

    delegate(_secret_of(account), owner.deploy(ape.project.MockTaker))
    there = ape.project.MockTaker.at(account.address)
    method, values = desk.call_of(desk.order(nonce=1))
    there.setReaction(desk.settlement, method.encode_input(*values), sender=owner)
    before = desk.balances(desk.settlement, desk.taker, account)
    desk.fill(desk.order(), **how)
    after = desk.balances(desk.settlement, desk.taker, account)
    assert moved(before, after) == [(-MAKING, TAKING), (MAKING, -TAKING), (0, 0)]
    assert bytes(there.seenData()) == b"hello"
    assert decode_error(bytes(there.answer())) == ("Reentered",)

    delegate(_secret_of(account), ZERO)
    assert desk.fill_refusal(desk.order(nonce=2), **how) == ("NoCode", lower(account))


def test_delegated_target__to_the_code_of_a_token__acts_on_its_own_storage_and_is_refused(
    desk: Desk, delegate: Delegate, account: Any
) -> None:
    delegate(_secret_of(account), desk.quote)
    interaction = bytes.fromhex(account.address[2:])
    how: dict[str, Any] = {
        "taker_traits": args_traits(interaction=interaction),
        "args": args_of(interaction=interaction),
    }
    assert desk.fill_refusal(desk.order(), **how) == ("",)
