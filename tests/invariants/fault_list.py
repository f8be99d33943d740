"""The faults that `planted_faults.py` plants: what is changed, and which machine must notice."""

from __future__ import annotations

from dataclasses import dataclass

FILLS = "invariants/test_fills.py"
THEFT = "invariants/test_stolen_key.py"
PARITY = "parity/test_fill_parity.py"
# The other tests of that file take long and send no ether.
PARITY_OF_ETHER = f"{PARITY}::test_fill__ether_and_another_receiver__move_the_same_as_on_1inch"
LENDING = "invariants/test_lending.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A piece of source text and what stands in its place; ``held`` is the letter of the invariant it breaks."""

    name: str
    held: str
    file: str
    old: str
    new: str
    test: str = FILLS
    contract: str = "RfqSettlement.sol"


FAULTS = [
    Fault(
        name="unauthorised keys are admitted",
        held="a, h",
        file="modules/LaneLib.sol",
        old="return (word ^ wanted) & (AUTHORISED | PAUSED | EPOCH_MASK) == 0;",
        new="return (word ^ wanted) & (PAUSED | EPOCH_MASK) == 0;",
    ),
    Fault(
        name="1inch is answered about another order than it asked for",
        held="a",
        file="modules/OneInchMaker.sol",
        old="if (computed != hash) revert DigestMismatch(hash, computed);",
        new="computed;",
    ),
    Fault(
        name="anybody may register tokens",
        held="a",
        file="modules/TokenRegistry.sol",
        old="function registerToken(address token) external override onlyOwner {",
        new="function registerToken(address token) external override {",
    ),
    Fault(
        name="the low 80 bits of the sender are not held",
        held="a",
        file="modules/Fills.sol",
        old="if (!traits.isAllowedSender(taker)) revert PrivateOrder(taker);",
        new="",
    ),
    Fault(
        name="the nonce is tested, not burnt",
        held="b",
        file="modules/Fills.sol",
        old="slot.word = word.burn(traits.nonce());",
        new="word.burn(traits.nonce());",
    ),
    Fault(
        name="a slide shifts the window one too far",
        held="b",
        file="modules/LaneLib.sol",
        old="uint256 window = (word & WINDOW_MASK) >> (newBase - base(word));",
        new="uint256 window = (word & WINDOW_MASK) >> (newBase - base(word) + 1);",
    ),
    Fault(
        name="a mask beyond the window forgets to slide",
        held="b",
        file="modules/LaneLib.sol",
        old="if (top >= base(word) + WINDOW_SIZE) word = _slideTo(word, top);",
        new="if (top > base(word) + WINDOW_SIZE) word = _slideTo(word, top);",
    ),
    Fault(
        name="the taker pays rounded down",
        held="c",
        file="modules/AmountLib.sol",
        old="return product == 0 ? 0 : (product - 1) / orderMaking + 1;",
        new="return product / orderMaking;",
    ),
    Fault(
        name="more than the order is given",
        held="c",
        file="modules/AmountLib.sol",
        old="if (making > orderMaking) (making, taking) = (orderMaking, orderTaking);",
        new="",
    ),
    Fault(
        name="quotes do not decay",
        held="c",
        file="modules/AmountLib.sol",
        old="if (slope == 0 || timestamp <= start) return making;",
        new="if (slope == 0 || timestamp > start) return making;",
    ),
    Fault(
        name="the smallest fill is rounded down",
        held="c",
        file="modules/AmountLib.sol",
        old="return product == 0 ? 0 : (product - 1) / 255 + 1;",
        new="return product / 255;",
    ),
    Fault(
        name="paused signers fill",
        held="d",
        file="modules/LaneLib.sol",
        old="return (word ^ wanted) & (AUTHORISED | PAUSED | EPOCH_MASK) == 0;",
        new="return (word ^ wanted) & (AUTHORISED | EPOCH_MASK) == 0;",
    ),
    Fault(
        name="old epochs fill",
        held="d",
        file="modules/LaneLib.sol",
        old="return (word ^ wanted) & (AUTHORISED | PAUSED | EPOCH_MASK) == 0;",
        new="return (word ^ wanted) & (AUTHORISED | PAUSED) == 0;",
    ),
    Fault(
        name="expired orders fill",
        held="d",
        file="modules/Admission.sol",
        old="if (traits.expiration() - block.timestamp > word.maxExpiry())",
        new="if (traits.expiration() > block.timestamp + word.maxExpiry())",
    ),
    Fault(
        name="the taker asset need not be registered",
        held="d",
        file="modules/TokenRegistry.sol",
        old="return bitA | bitB;",
        new="return bitB == 0 ? bitB : bitA;",
    ),
    Fault(
        name="packed orders escape the caps",
        held="d",
        file="modules/Fills.sol",
        old="_settle(word, orderHash, makerAsset, takerAsset, making, taking);",
        new="_settle(word & ~LaneLib.CAPS, orderHash, makerAsset, takerAsset, making, taking);",
    ),
    Fault(
        name="on 1inch caps need no hook",
        held="d",
        file="modules/OneInchMaker.sol",
        old="if (word & LaneLib.CAPS != 0 && traits & OrderLib.PRE_INTERACTION == 0)",
        new="if (word & LaneLib.CAPS == 0 && traits & OrderLib.PRE_INTERACTION != 0)",
    ),
    Fault(
        name="whoever sets the allowance gets one",
        held="e",
        file="modules/OneInchMaker.sol",
        old="TokenLib.setAllowance(token, oneInchRouter, amount);",
        new="TokenLib.setAllowance(token, oneInchRouter, amount);\n"
        "        TokenLib.setAllowance(token, msg.sender, 0);",
    ),
    Fault(
        name="a revoked signer keeps its authorisation",
        held="h",
        file="modules/LaneBook.sol",
        old="_rewrite(signer, _lanesOf(signer), ~LaneLib.AUTHORISED, 0, LaneLib.EPOCH_ONE);",
        new="_rewrite(signer, _lanesOf(signer), type(uint256).max, 0, LaneLib.EPOCH_ONE);",
    ),
    Fault(
        name="the last lane misses the policy",
        held="d (INV-8)",
        file="modules/LaneBook.sol",
        old="_rewrite(_signers[i], _records[_signers[i]].lanes, ~LaneLib.POLICY_MASK, policy, 0);",
        new="_rewrite(_signers[i], _records[_signers[i]].lanes - 1, ~LaneLib.POLICY_MASK, policy, 0);",
    ),
    Fault(
        name="the guardian may switch guards off",
        held="d",
        file="modules/LaneBook.sol",
        old="if (msg.sender != owner && _policy & LaneLib.GUARDS & ~bits != 0) revert Unauthorised(msg.sender);",
        new="",
    ),
    Fault(
        name="the previous window is not counted",
        held="i",
        file="modules/CapBook.sol",
        old="add(and(shr(72, word), _AMOUNT_MASK), and(shr(36, word), _AMOUNT_MASK))",
        new="and(shr(36, word), _AMOUNT_MASK)",
        test=THEFT,
    ),
    Fault(
        name="the block's use is forgotten",
        held="i",
        file="modules/CapBook.sol",
        old="sub(and(shr(108, word), _AMOUNT_MASK), and(word, _AMOUNT_MASK))",
        new="and(shr(108, word), _AMOUNT_MASK)",
        test=THEFT,
    ),
    Fault(
        name="the hook's fills are not counted",
        held="i",
        file="modules/DeskModules.sol",
        old="if (_policy & LaneLib.CAPS != 0) _consumeCap(uint160(makerAsset), making);",
        new="makerAsset; making;",
        test=THEFT,
    ),
    Fault(
        name="the band is not asked for on 1inch",
        held="i",
        file="modules/OneInchMaker.sol",
        old="if (word & LaneLib.BAND != 0) _requireWithinBand(makerAsset, takerAsset, making, taking);",
        new="if (word & LaneLib.BAND == 0) _requireWithinBand(makerAsset, takerAsset, making, taking);",
        test=THEFT,
    ),
    Fault(
        name="the band's floor is rounded down",
        held="i",
        file="modules/PriceBand.sol",
        old="return worth / takerFactor + (worth % takerFactor == 0 ? 0 : 1);",
        new="return worth / takerFactor;",
        test=THEFT,
    ),
    Fault(
        name="a threshold that is just met is refused",
        held="parity",
        file="modules/AmountLib.sol",
        old="if (amount == making ? taking > threshold",
        new="if (amount == making ? taking >= threshold",
        test=PARITY,
    ),
    Fault(
        name="a product that wraps to zero is filled",
        held="parity",
        file="modules/AmountLib.sol",
        old="if (making * taking == 0) revert",
        new="if (making == 0 || taking == 0) revert",
        test=PARITY,
    ),
    Fault(
        name="the taker pays rounded down, beside 1inch",
        held="parity, c",
        file="modules/AmountLib.sol",
        old="return product == 0 ? 0 : (product - 1) / orderMaking + 1;",
        new="return product / orderMaking;",
        test=PARITY,
    ),
    Fault(
        name="an order expires a second early",
        held="parity",
        file="modules/Admission.sol",
        old="if (traits.expiration() - block.timestamp > word.maxExpiry())",
        new="if (traits.expiration() - block.timestamp - 1 > word.maxExpiry())",
        test=PARITY,
    ),
    Fault(
        name="too much ether is kept",
        held="parity",
        file="modules/SpecialLegs.sol",
        old="TokenLib.pushEth(msg.sender, msg.value - takingAmount);",
        new="TokenLib.pushEth(msg.sender, msg.value - takingAmount - 1);",
        test=PARITY_OF_ETHER,
    ),
    Fault(
        name="an exit may leave half the floor",
        held="g (INV-L2)",
        file="LendingAccount.vy",
        old="    if health < lowest:",
        new="    if health < lowest // 2:",
        test=LENDING,
        contract="LendingAccount.vy",
    ),
    Fault(
        name="what is redeemed on Compound goes to the caller",
        held="g (INV-L1)",
        file="LendingAccount.vy",
        old="token_moves._send(token, lending_settings.SETTLEMENT, received)",
        new="token_moves._send(token, msg.sender, received)",
        test=LENDING,
        contract="LendingAccount.vy",
    ),
    Fault(
        name="a repayment leaves an allowance",
        held="e (INV-L5)",
        file="modules/lending/aave_position.vy",
        old="    token_moves._approve_exactly(token, _POOL, amount)\n    extcall IAaveV3Market(_POOL).repay(",
        new="    token_moves._approve_exactly(token, _POOL, amount + 1)\n"
        "    extcall IAaveV3Market(_POOL).repay(",
        test=LENDING,
        contract="LendingAccount.vy",
    ),
    Fault(
        name="the hedger may borrow while borrowing is paused",
        held="g (INV-L3)",
        file="LendingAccount.vy",
        old="    lending_settings._require_hedger(word)\n    lending_settings._require_unpaused(word)\n",
        new="    lending_settings._require_hedger(word)\n",
        test=LENDING,
        contract="LendingAccount.vy",
    ),
    Fault(
        name="the rest of a Morpho loan stays in the hedger",
        held="f (INV-D1)",
        file="DeltaHedger.vy",
        old="    self._hand_over(trade.sold, sold_before)\n    self._hand_over(trade.bought, bought_before)\n",
        new="",
        test=LENDING,
        contract="DeltaHedger.vy",
    ),
    Fault(
        name="a swap may cost fifty times the limit",
        held="g (INV-D2)",
        file="modules/lending/delta_limits.vy",
        old="if bought * _BPS < fair * (_BPS - max_cost_bps):",
        new="if bought * _BPS < fair * (_BPS - 50 * max_cost_bps):",
        test=LENDING,
        contract="DeltaHedger.vy",
    ),
    Fault(
        name="whoever calls back is paid",
        held="g (INV-D4)",
        file="modules/lending/pool_swap.vy",
        old="if callback_ticket._commitment != keccak256(abi_encode(msg.sender, data_hash)):",
        new="if False:",
        test=LENDING,
        contract="DeltaHedger.vy",
    ),
]
