"""The faults planted in the hedger; ``held`` is the invariant of contracts/HEDGER.md that each breaks."""

from __future__ import annotations

from tests.invariants.fault_list import Fault

HEDGER = "invariants/test_hedger.py"
VYPER = "AtomicHedger.vy"

HEDGER_FAULTS = [
    Fault(
        name="what is swept goes to whoever asks",
        held="H1, H6",
        file="AtomicHedger.vy",
        old="token_moves._send(token, SETTLEMENT, held)",
        new="token_moves._send(token, msg.sender, held)",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="a fill leaves what was donated of the taker asset",
        held="H1",
        file="AtomicHedger.vy",
        old="    self._hand_over(terms.maker_asset)\n    self._hand_over(terms.taker_asset)\n",
        new="    self._hand_over(terms.maker_asset)\n",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="a unit more is bought back than is owed",
        held="H1",
        file="AtomicHedger.vy",
        old="terms.making_amount + fee, repay_to)",
        new="terms.making_amount + fee + 1, repay_to)",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="a fill funded by a loan is sent to the settlement",
        held="H3",
        file="AtomicHedger.vy",
        old="token_moves._send(terms.maker_asset, terms.receiver, terms.making_amount)",
        new="token_moves._send(terms.maker_asset, SETTLEMENT, terms.making_amount)",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="anybody may ask for fills and sales",
        held="H6",
        file="AtomicHedger.vy",
        old="if msg.sender != SETTLEMENT:",
        new="if msg.sender == empty(address):",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="a callback needs no ticket",
        held="H4",
        file="modules/callback_ticket.vy",
        old="if self._commitment != keccak256(abi_encode(caller, token, amount, data_hash)):",
        new="if self._commitment not in [empty(bytes32), keccak256(abi_encode(caller, token, amount, data_hash))]:",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="Aave may pull a unit more than it lent",
        held="H5",
        file="AtomicHedger.vy",
        old="token_moves._approve_exactly(asset, msg.sender, amount + premium)",
        new="token_moves._approve_exactly(asset, msg.sender, amount + premium + 1)",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="a lender of ERC-3156 keeps its allowance",
        held="H5",
        file="AtomicHedger.vy",
        old="token_moves._approve_exactly(asset, lender, 0)",
        new="token_moves._approve_exactly(asset, lender, 1)",
        test=HEDGER,
        contract=VYPER,
    ),
    Fault(
        name="a fill may leave less than the signed minimum",
        held="H2, INV-6",
        file="modules/FlashSwapLeg.sol",
        old="if (cost > takingAmount || takingAmount - cost < minimum)",
        new="if (cost > takingAmount)",
        test=HEDGER,
    ),
    Fault(
        name="the taker of a funded fill pays what the hedge costs, the profit comes from nowhere",
        held="INV-6",
        file="modules/FlashSwapLeg.sol",
        old="TokenLib.pull(takerAsset, _ticketTaker, address(this), takingAmount);",
        new="TokenLib.pull(takerAsset, _ticketTaker, address(this), cost);",
        test=HEDGER,
    ),
    Fault(
        name="the pool of a flash swap pays the settlement",
        held="INV-6",
        file="modules/FlashSwapLeg.sol",
        old="mstore(add(data, 0x04), receiver)",
        new="mstore(add(data, 0x04), address())",
        test=HEDGER,
    ),
    Fault(
        name="ether that a sale brings is not wrapped for the settlement",
        held="H1",
        file="modules/hedge_legs.vy",
        old="token_moves._send(_WETH, swap.recipient, credited)",
        new="token_moves._send(_WETH, self, credited)",
        test=HEDGER,
        contract=VYPER,
    ),
]
