// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {MockCaller} from "./MockCaller.sol";

interface IMovable {
    function transfer(address to, uint256 amount) external returns (bool);
}

/// @title A hedger that pays out of its own pocket and cheats on demand, for the funded fills of RfqSettlement
contract MockHedger is IAtomicHedger, MockCaller {
    enum Trick {
        None,
        DeliverOneUnitLess,
        DeliverOneUnitMore,
        DeliverNothing,
        CollectNothing,
        CollectTwice,
        CallInside
    }

    address public immutable SETTLEMENT;
    Trick public trick;
    /// @notice Taker asset sent to the settlement at the end of a fill.
    uint256 public profit;
    /// @notice keccak256 of the arguments of the last fill.
    bytes32 public seen;

    constructor(IRfqSettlement settlement) {
        SETTLEMENT = address(settlement);
    }

    /// @param target_ called after collecting with `data_` for CallInside, else unused
    function setTrick(Trick trick_, uint256 profit_, address target_, bytes calldata data_) external {
        trick = trick_;
        profit = profit_;
        _setCall(target_, data_);
    }

    function collectNow() external {
        IRfqSettlement(SETTLEMENT).collect();
    }

    function fundFill(
        bytes32 orderHash,
        address taker,
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan
    ) external returns (uint256) {
        seen = keccak256(
            abi.encode(orderHash, taker, receiver, makerAsset, takerAsset, makingAmount, takingAmount, plan)
        );
        if (trick == Trick.DeliverOneUnitLess) --makingAmount;
        if (trick == Trick.DeliverOneUnitMore) ++makingAmount;
        if (trick != Trick.DeliverNothing) IMovable(makerAsset).transfer(receiver, makingAmount);
        if (trick != Trick.CollectNothing) IRfqSettlement(SETTLEMENT).collect();
        if (trick == Trick.CollectTwice) IRfqSettlement(SETTLEMENT).collect();
        if (trick == Trick.CallInside) _makeCall();
        if (profit != 0) IMovable(takerAsset).transfer(SETTLEMENT, profit);
        return profit;
    }
}
