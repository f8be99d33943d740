"""Funded fills for the tests of AtomicHedger: through the real settlement contract, and through a mock of it.

Refusals are read with `eth_call`, because Vyper's ABI does not carry errors raised by `raw_revert`, and then
sent as transactions, so that what they leave behind is looked at too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import ape
import pytest

from pmm.chain.abi import selector
from pmm.chain.addresses import (
    AAVE_V3_POOL,
    BALANCER_V2_VAULT,
    MORPHO_BLUE,
    ONEINCH_ROUTER,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V3_QUOTER_V2,
    UNISWAP_V4_POOL_MANAGER,
)
from pmm.chain.rpc import JsonRpc, RpcError
from pmm.domain import (
    USDC,
    WETH,
    Address,
    FundingPlan,
    FundingSource,
    MakerTraits,
    OwnDomainTerms,
    RfqOrder,
    SignedOrder,
    SigningKey,
    build_salt,
    extension_low_bits,
    settlement_domain,
    sign_order,
)
from pmm.localnet.funding import balance_of as read_balance
from tests.contracts.hedger.funded_fills import (
    CONTRACTS,
    ONE_WETH,
    SWAP_FEE_PIPS,
    FundedFill,
    decode_error,
    external,
)

_AAVE_PREMIUM_SCALE = 10_000
_MINING_TIMEOUT_S = 10
UNISWAP_V3_SWAP_ROUTER = "0xE592427A0AEce92De3Edee1F18E0157C05861564"


@pytest.fixture(scope="session")
def tokens() -> Mapping[str, Any]:
    """WETH and USDC, by address."""
    abi = json.loads((CONTRACTS / "external" / "ERC20.json").read_text())
    return {token.address: ape.Contract(token.address, abi=abi) for token in (WETH, USDC)}


@pytest.fixture(scope="session")
def balance_of(rpc: JsonRpc) -> Callable[[str, Any], int]:
    """Read the balance of any token."""
    return lambda token, account: read_balance(rpc, token, str(account.address))


@pytest.fixture(scope="session")
def receiver() -> Any:
    """Gets the maker asset where it is not the taker."""
    return ape.accounts.test_accounts[5]


@pytest.fixture(scope="session")
def usdc_weth_pool() -> str:
    """The 0.05 % pool, where positions are closed."""
    factory = external("UniswapV3Factory", UNISWAP_V3_FACTORY)
    return str(factory.getPool(USDC.address, WETH.address, SWAP_FEE_PIPS))


@pytest.fixture(scope="session")
def error_types() -> Mapping[bytes, tuple[str, tuple[str, ...]]]:
    """Name and argument types of every error of hedger, settlement and compilers, by selector."""
    entries = json.loads((CONTRACTS / "interfaces" / "AtomicHedgerErrors.json").read_text())
    entries += [error.model_dump() for error in ape.project.RfqSettlement.contract_type.errors]
    known = {"Error": ("string",), "Panic": ("uint256",)}
    known |= {entry["name"]: tuple(item["type"] for item in entry["inputs"]) for entry in entries}
    return {selector(f"{name}({','.join(types)})"): (name, types) for name, types in known.items()}


@pytest.fixture(scope="session")
def refusal_of(rpc: JsonRpc, error_types: Any) -> Callable[..., tuple[Any, ...]]:
    """Call a method that must revert, send it, and return (error name, *values); a bare revert is ("",)."""

    def _refusal(method: Any, *arguments: Any, sender: Any) -> tuple[Any, ...]:
        request = {
            "from": str(sender.address),
            "to": str(method.contract.address),
            "data": method.encode_input(*arguments).to_0x_hex(),
            "gas": hex(5_000_000),
        }
        with pytest.raises(RpcError) as refused:
            rpc.call("eth_call", request, "latest")
        assert _mined(rpc, rpc.call("eth_sendTransaction", request))["status"] == "0x0"
        return decode_error(error_types, refused.value.data)

    return _refusal


def _mined(rpc: JsonRpc, transaction_hash: str) -> dict[str, Any]:
    """Wait for the receipt: anvil answers before it has mined."""
    deadline = time.monotonic() + _MINING_TIMEOUT_S
    while time.monotonic() < deadline:
        receipt: dict[str, Any] | None = rpc.call("eth_getTransactionReceipt", transaction_hash)
        if receipt is not None:
            return receipt
        time.sleep(0.005)
    raise AssertionError(f"expected {transaction_hash} to be mined within {_MINING_TIMEOUT_S} s")


@pytest.fixture(scope="session")
def cost_of(rpc: JsonRpc) -> Callable[..., int]:
    """What a Uniswap V3 pool asks for an exact output, by QuoterV2."""
    quoter = external("UniswapV3QuoterV2", UNISWAP_V3_QUOTER_V2)

    def _cost(token_in: str, token_out: str, amount_out: int, fee_pips: int = SWAP_FEE_PIPS) -> int:
        return int(quoter.quoteExactOutputSingle.call((token_in, token_out, amount_out, fee_pips, 0))[0])

    return _cost


@pytest.fixture(scope="session")
def lending_fee() -> Callable[[FundingSource, int], int]:
    """The lender's fee for borrowing what a fill of that making amount needs, base units."""

    def _fee(source: FundingSource, making_amount: int) -> int:
        if source is not FundingSource.AAVE_V3_LOAN:
            return 0
        premium_bps = int(external("AaveV3Pool", AAVE_V3_POOL).FLASHLOAN_PREMIUM_TOTAL())
        return ((making_amount + 1) * premium_bps + _AAVE_PREMIUM_SCALE // 2) // _AAVE_PREMIUM_SCALE

    return _fee


@pytest.fixture
def describe_fill(taker: Any, cost_of: Any, lending_fee: Any) -> Callable[..., FundedFill]:
    """Describe a funded fill that leaves ``profit``, from what the swap pool asks now."""

    def _describe(
        source: FundingSource,
        maker_asset: str,
        taker_asset: str,
        making_amount: int,
        *,
        profit: int,
        min_profit: int,
        receiver: Any = None,
        fee_pips: int = SWAP_FEE_PIPS,
    ) -> FundedFill:
        amount_out = making_amount + lending_fee(source, making_amount)
        cost = cost_of(taker_asset, maker_asset, amount_out)
        plan = FundingPlan(source=source, swap_fee_pips=fee_pips, min_profit=min_profit)
        return FundedFill(
            taker=str(taker.address),
            receiver=str((receiver or taker).address),
            maker_asset=maker_asset,
            taker_asset=taker_asset,
            making_amount=making_amount,
            taking_amount=cost + profit,
            plan=plan.encode(),
            cost=cost,
        )

    return _describe


@pytest.fixture
def sell_weth(describe_fill: Any) -> Callable[..., FundedFill]:
    """Describe a sale of 1 WETH for USDC that leaves 10 USDC and asks for 4."""

    def _sell(source: FundingSource = FundingSource.UNISWAP_V3_SWAP, **changes: Any) -> FundedFill:
        terms = {"profit": 10 * 10**6, "min_profit": 4 * 10**6} | changes
        fill: FundedFill = describe_fill(source, WETH.address, USDC.address, ONE_WETH, **terms)
        return fill

    return _sell


@pytest.fixture
def sell_usdc(describe_fill: Any) -> Callable[..., FundedFill]:
    """Describe a sale of 2,000 USDC for WETH that leaves 0.004 WETH and asks for 0.001."""

    def _sell(source: FundingSource = FundingSource.UNISWAP_V3_SWAP, **changes: Any) -> FundedFill:
        terms = {"profit": 4 * 10**15, "min_profit": 10**15} | changes
        fill: FundedFill = describe_fill(source, USDC.address, WETH.address, 2_000 * 10**6, **terms)
        return fill

    return _sell


@pytest.fixture
def raise_weth_price(deal: Any, tokens: Any, cost_of: Any, attacker: Any) -> Callable[[int], None]:
    """Let somebody buy WETH from the swap pool until one WETH costs more than that many USDC units."""
    router = external("UniswapV3SwapRouter", UNISWAP_V3_SWAP_ROUTER)

    def _raise(limit: int) -> None:
        amount_in = 100_000 * 10**6
        while cost_of(USDC.address, WETH.address, ONE_WETH) <= limit:
            deal(USDC.address, attacker, amount_in)
            tokens[USDC.address].approve(router, amount_in, sender=attacker)
            path = (USDC.address, WETH.address, SWAP_FEE_PIPS)
            router.exactInputSingle((*path, attacker, 2**40, amount_in, 0, 0), sender=attacker)
            amount_in *= 2

    return _raise


@pytest.fixture
def stocked(deal: Any, tokens: Any, taker: Any, receiver: Any, settlement: Any, hedger: Any) -> None:
    """A taker with both assets who approved the settlement contract; only the hedger holds nothing."""
    deal(USDC.address, taker, 100_000 * 10**6)
    deal(WETH.address, taker, 10 * ONE_WETH)
    deal(WETH.address, receiver, ONE_WETH)
    deal(USDC.address, settlement, 1_000 * 10**6)
    deal(WETH.address, settlement, ONE_WETH)
    for token in tokens.values():
        token.approve(settlement, 2**255, sender=taker)


@pytest.fixture
def signed(settlement: Any, signer_key: SigningKey) -> Callable[..., SignedOrder]:
    """Sign an order on our domain for a funded fill, with a nonce of its own."""
    domain = settlement_domain(ape.chain.chain_id, Address(settlement.address))
    nonces = iter(range(1, 100))

    def _sign(fill: FundedFill, private_taker: str | None = None) -> SignedOrder:
        terms = OwnDomainTerms(
            private_taker=Address(private_taker) if private_taker else None,
            funding_plan=FundingPlan.decode(fill.plan),
        )
        extension = terms.encode()
        traits = MakerTraits.for_quote(
            lane=0,
            nonce=next(nonces),
            expiration_s=ape.chain.pending_timestamp + 60,
            has_extension=True,
        )
        order = RfqOrder(
            salt=build_salt(epoch=0, upper=1, extension=extension),
            maker=Address(settlement.address),
            maker_asset=Address(fill.maker_asset),
            taker_asset=Address(fill.taker_asset),
            making_amount=fill.making_amount,
            taking_amount=fill.taking_amount,
            maker_traits=traits.encode(),
        )
        assert extension_low_bits(extension) == order.salt & (2**160 - 1)
        return sign_order(order, domain, signer_key, extension)

    return _sign


@pytest.fixture
def balances(tokens: Any, taker: Any, receiver: Any, settlement: Any, hedger: Any) -> Callable[..., Any]:
    """Read all balances of both assets, by (asset, account), of the named parties and any others given."""
    parties = {
        "taker": taker.address,
        "receiver": receiver.address,
        "settlement": settlement.address,
        "hedger": hedger.address,
    }

    def _read(**others: str) -> dict[tuple[str, str], int]:
        return {
            (symbol, name): tokens[address].balanceOf(account)
            for symbol, address in (("WETH", WETH.address), ("USDC", USDC.address))
            for name, account in (parties | others).items()
        }

    return _read


@pytest.fixture(scope="session")
def mock_settlement(owner: Any) -> Any:
    """A settlement contract that misbehaves on demand."""
    return owner.deploy(ape.project.MockSettlement, WETH.address, ONEINCH_ROUTER)


@pytest.fixture(scope="session")
def probed_hedger(owner: Any, mock_settlement: Any) -> Any:
    """A hedger that obeys the mock settlement contract and knows the genuine lenders."""
    pools = (UNISWAP_V2_FACTORY, UNISWAP_V3_FACTORY, UNISWAP_V4_POOL_MANAGER)
    addresses = (*pools, MORPHO_BLUE, BALANCER_V2_VAULT, AAVE_V3_POOL)
    return owner.deploy(ape.project.AtomicHedger, mock_settlement, *addresses)


@pytest.fixture(scope="session")
def mock_lender(owner: Any) -> Any:
    """All three lenders in one contract that lies on demand."""
    return owner.deploy(ape.project.MockLender)


@pytest.fixture(scope="session")
def misled_hedger(owner: Any, mock_settlement: Any, mock_lender: Any) -> Any:
    """A hedger that obeys the mock settlement contract and borrows from the mock lender."""
    pools = (UNISWAP_V2_FACTORY, UNISWAP_V3_FACTORY, UNISWAP_V4_POOL_MANAGER)
    addresses = (*pools, mock_lender, mock_lender, mock_lender)
    return owner.deploy(ape.project.AtomicHedger, mock_settlement, *addresses)


@pytest.fixture(scope="session")
def trick_token(owner: Any) -> Any:
    """A token that anybody may mint and set to misbehave."""
    return owner.deploy(ape.project.MockTrickToken)


@pytest.fixture
def probed(
    deal: Any, tokens: Any, taker: Any, owner: Any, mock_settlement: Any, mock_lender: Any, probed_hedger: Any
) -> Any:
    """The mock settlement contract joined to the hedger of the genuine lenders, with a taker who can pay."""
    _stock_mocks(deal, tokens, taker, mock_settlement, mock_lender)
    mock_settlement.setHedger(probed_hedger, sender=owner)
    return probed_hedger


@pytest.fixture
def misled(
    deal: Any, tokens: Any, taker: Any, owner: Any, mock_settlement: Any, mock_lender: Any, misled_hedger: Any
) -> Any:
    """The mock settlement contract joined to the hedger of the mock lender, with a taker who can pay."""
    _stock_mocks(deal, tokens, taker, mock_settlement, mock_lender)
    mock_settlement.setHedger(misled_hedger, sender=owner)
    return misled_hedger


def _stock_mocks(deal: Any, tokens: Any, taker: Any, mock_settlement: Any, mock_lender: Any) -> None:
    deal(USDC.address, taker, 100_000 * 10**6)
    deal(WETH.address, mock_lender, 100 * ONE_WETH)
    tokens[USDC.address].approve(mock_settlement, 2**255, sender=taker)
