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
        CallInside,
        CollectTooMuch,
        SayOneUnitLess,
        SayOneUnitMore
    }

    address public immutable SETTLEMENT;
    Trick public trick;
    /// @notice Taker asset left to the settlement by a fill, or sent to it by a swap.
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

    function collectNow(address payee, uint256 amount) external {
        IRfqSettlement(SETTLEMENT).collect(payee, amount);
    }

    function fundFill(
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan
    ) external {
        seen = keccak256(abi.encode(receiver, makerAsset, takerAsset, makingAmount, takingAmount, plan));
        _serve(receiver, makerAsset, makingAmount, takingAmount);
    }

    function fundFillByRoute(
        address receiver,
        address makerAsset,
        address takerAsset,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 plan,
        bytes calldata route
    ) external {
        seen = keccak256(
            abi.encode(receiver, makerAsset, takerAsset, makingAmount, takingAmount, plan, route)
        );
        _serve(receiver, makerAsset, makingAmount, takingAmount);
    }

    /// @dev Pays `profit` out of its own pocket.
    function swapExactIn(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 plan,
        bytes calldata route
    ) external returns (uint256 said) {
        seen = keccak256(abi.encode(tokenIn, tokenOut, amountIn, plan, route));
        if (trick == Trick.CallInside) _makeCall();
        IMovable(tokenOut).transfer(SETTLEMENT, profit);
        said = profit;
        if (trick == Trick.SayOneUnitLess) --said;
        if (trick == Trick.SayOneUnitMore) ++said;
    }

    function _serve(
        address receiver,
        address makerAsset,
        uint256 makingAmount,
        uint256 takingAmount
    ) private {
        if (trick == Trick.DeliverOneUnitLess) --makingAmount;
        if (trick == Trick.DeliverOneUnitMore) ++makingAmount;
        if (trick != Trick.DeliverNothing) IMovable(makerAsset).transfer(receiver, makingAmount);
        uint256 cost = takingAmount > profit ? takingAmount - profit : 0;
        if (trick == Trick.CollectTooMuch) cost = takingAmount + 1;
        if (trick != Trick.CollectNothing) IRfqSettlement(SETTLEMENT).collect(address(this), cost);
        if (trick == Trick.CollectTwice) IRfqSettlement(SETTLEMENT).collect(address(this), 0);
        if (trick == Trick.CallInside) _makeCall();
    }
}
