"""Gives accounts tokens on an anvil node: the offline mainnet, a fork of it, or a fork of the real chain.

The five tokens pmm trades make supply in their own way, through the impersonated account that may (so total supply
stays right); any other ERC-20 gets its balance word written.
"""

from __future__ import annotations

from collections.abc import Callable

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from pmm.chain.abi import decode_result, encode_arguments, encode_call
from pmm.chain.rpc import JsonRpc
from pmm.errors import ChainError, InvalidInput
from pmm.localnet.addresses import DAI, DAI_JOIN, USDC, USDT, WBTC, WETH, keyless_account
from pmm.localnet.placement import ChainBuilder, require_anvil

NATIVE = "0x0000000000000000000000000000000000000000"
_MINTER = keyless_account("minter")
_SINK = keyless_account("sink")
_HIGHEST_SLOT = 64
_UINT256_MAX = 2**256 - 1


def balance_of(rpc: JsonRpc, token: str, account: str) -> int:
    """Return the balance in base units; ``NATIVE`` means ether."""
    if token == NATIVE:
        return int(rpc.call("eth_getBalance", account, "latest"), 16)
    call = {"to": token, "data": "0x" + encode_call("balanceOf(address)", account).hex()}
    answer = bytes.fromhex(rpc.call("eth_call", call, "latest")[2:])
    if len(answer) < 32:
        raise InvalidInput(
            f"expected an ERC-20 at {token}, found an answer of {len(answer)} bytes to balanceOf"
        )
    return int(decode_result(("uint256",), answer)[0])


def deal(rpc: JsonRpc, token: str, account: str, amount: int) -> None:
    """Make ``account`` hold exactly ``amount`` base units of ``token`` (``NATIVE`` or "ETH" for ether).

    Raises:
        InvalidInput: the amount is negative or does not fit, or the token is none.
        ChainError: the token's balance cannot be set, or the node is not anvil.
    """
    if not 0 <= amount <= _UINT256_MAX:
        raise InvalidInput(f"expected an amount of 0 to 2**256-1 base units, found {amount}")
    require_anvil(rpc)
    if token in (NATIVE, "ETH"):
        rpc.call("anvil_setBalance", account, hex(amount))
        return
    token, account = to_checksum_address(token), to_checksum_address(account)
    missing = amount - balance_of(rpc, token, account)
    if missing == 0:
        return
    with ChainBuilder(rpc) as chain:
        if missing > 0:
            add(chain, token, account, missing)
        else:
            ether = rpc.call("eth_getBalance", account, "latest")
            chain.transact(token, "transfer(address,uint256)", _SINK, -missing, sender=account)
            rpc.call("anvil_setBalance", account, ether)
    if (found := balance_of(rpc, token, account)) != amount:
        raise ChainError(f"expected {account} to hold {amount} of {token} after the deal, found {found}")


def add(chain: ChainBuilder, token: str, account: str, amount: int) -> None:
    """Give ``account`` a further ``amount`` base units, by the token's own way of making supply if it has one."""
    if token in _FAUCETS:
        _FAUCETS[token](chain, account, amount)
    else:
        _write_balance(chain.rpc, token, account, balance_of(chain.rpc, token, account) + amount)


def allow(chain: ChainBuilder, token: str, owner: str, spender: str, amount: int) -> None:
    """Let ``spender`` take at least ``amount`` of ``owner``'s tokens."""
    allowed = chain.read(token, "allowance(address,address)", owner, spender)
    if allowed >= amount:
        return
    if allowed:  # USDT refuses to change one allowance to another
        chain.transact(token, "approve(address,uint256)", spender, 0, sender=owner)
    chain.transact(token, "approve(address,uint256)", spender, _UINT256_MAX, sender=owner)


def _deposit_weth(chain: ChainBuilder, account: str, amount: int) -> None:
    chain.fund(_MINTER)
    chain.rpc.call("anvil_setBalance", _MINTER, hex(amount + 10**24))
    chain.transact(WETH, "deposit()", sender=_MINTER, value=amount)
    chain.transact(WETH, "transfer(address,uint256)", account, amount, sender=_MINTER)


def _mint_usdc(chain: ChainBuilder, account: str, amount: int) -> None:
    master = to_checksum_address(chain.read(USDC, "masterMinter()", returns=("address",)))
    chain.transact(USDC, "configureMinter(address,uint256)", _MINTER, amount, sender=master)
    chain.transact(USDC, "mint(address,uint256)", account, amount, sender=_MINTER)


def _issue_usdt(chain: ChainBuilder, account: str, amount: int) -> None:
    owner = to_checksum_address(chain.read(USDT, "owner()", returns=("address",)))
    chain.transact(USDT, "issue(uint256)", amount, sender=owner)
    chain.transact(USDT, "transfer(address,uint256)", account, amount, sender=owner)


def _mint_dai(chain: ChainBuilder, account: str, amount: int) -> None:
    chain.transact(DAI, "mint(address,uint256)", account, amount, sender=DAI_JOIN)


def _mint_wbtc(chain: ChainBuilder, account: str, amount: int) -> None:
    owner = to_checksum_address(chain.read(WBTC, "owner()", returns=("address",)))
    chain.transact(WBTC, "mint(address,uint256)", account, amount, sender=owner)


_FAUCETS: dict[str, Callable[[ChainBuilder, str, int], None]] = {
    WETH: _deposit_weth,
    USDC: _mint_usdc,
    USDT: _issue_usdt,
    DAI: _mint_dai,
    WBTC: _mint_wbtc,
}


def _write_balance(rpc: JsonRpc, token: str, account: str, amount: int) -> None:
    slot, vyper = find_balance_slot(rpc, token)
    rpc.call("anvil_setStorageAt", token, _word_of(account, slot, vyper), f"0x{amount:064x}")


def _word_of(account: str, slot: int, vyper: bool) -> str:
    """Return the storage word of ``balances[account]``; Vyper hashes slot first, Solidity key first."""
    key = encode_arguments(("uint256", "address"), slot, account) if vyper else None
    return "0x" + keccak(key or encode_arguments(("address", "uint256"), account, slot)).hex()


_KNOWN_SLOTS: dict[tuple[str, str], tuple[int, bool]] = {}


def find_balance_slot(rpc: JsonRpc, token: str) -> tuple[int, bool]:
    """Return (slot, is_vyper) of the token's balance mapping by trying slots on a throw-away account.

    Raises:
        ChainError: none of the first 64 slots answers, as with a rebasing token.
    """
    if (known := _KNOWN_SLOTS.get((rpc.url, token))) is not None:
        return known
    probe, mark = keyless_account("probe"), 0x1234567890
    for slot in range(_HIGHEST_SLOT):
        for vyper in (False, True):
            word = _word_of(probe, slot, vyper)
            before = rpc.call("eth_getStorageAt", token, word, "latest")
            rpc.call("anvil_setStorageAt", token, word, f"0x{mark:064x}")
            found = balance_of(rpc, token, probe) == mark
            rpc.call("anvil_setStorageAt", token, word, before)
            if found:
                _KNOWN_SLOTS[rpc.url, token] = (slot, vyper)
                return slot, vyper
    raise ChainError(
        f"expected the balances of {token} in one of the first {_HIGHEST_SLOT} storage slots, found them in none; "
        "give the account tokens by a transfer from a holder instead"
    )
