// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {MockCaller} from "./MockCaller.sol";

interface IPullable {
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @title A settlement contract that misbehaves on demand, for the hostile tests of AtomicHedger
/// @notice It validates nothing. With `trick` None it does for the hedger what RfqSettlement does.
contract MockSettlement is MockCaller {
    enum Trick {
        None,
        CollectNothing,
        CollectOneUnitLess,
        CallDuringCollect
    }

    struct FundedFill {
        bytes32 orderHash;
        address taker;
        address receiver;
        address makerAsset;
        address takerAsset;
        uint256 makingAmount;
        uint256 takingAmount;
        uint256 plan;
    }

    /// @notice Thrown when the taker's token refuses the transfer.
    error TakerCannotPay();

    IAtomicHedger public hedger;
    Trick public trick;
    /// @notice What the last fill returned.
    uint256 public profit;

    FundedFill private _fill;

    function setHedger(IAtomicHedger hedger_) external {
        hedger = hedger_;
    }

    /// @param target called during collect with `data` for CallDuringCollect, else unused
    function setTrick(Trick trick_, address target, bytes calldata data) external {
        trick = trick_;
        _setCall(target, data);
    }

    function fund(FundedFill calldata fill) public returns (uint256) {
        _fill = fill;
        profit = hedger.fundFill(
            fill.orderHash,
            fill.taker,
            fill.receiver,
            fill.makerAsset,
            fill.takerAsset,
            fill.makingAmount,
            fill.takingAmount,
            fill.plan
        );
        return profit;
    }

    /// @notice Runs a fill and then, in the same transaction, one more call; its outcome is recorded.
    function fundThenCall(FundedFill calldata fill, address target, bytes calldata data) external {
        fund(fill);
        _setCall(target, data);
        _makeCall();
    }

    function collect() external {
        if (trick == Trick.CallDuringCollect) _makeCall();
        if (trick == Trick.CollectNothing) return;
        uint256 amount = trick == Trick.CollectOneUnitLess ? _fill.takingAmount - 1 : _fill.takingAmount;
        (bool ok, ) = _fill.takerAsset.call(
            abi.encodeCall(IPullable.transferFrom, (_fill.taker, address(hedger), amount))
        );
        if (!ok) revert TakerCannotPay();
    }
}
