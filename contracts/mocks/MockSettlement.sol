// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAtomicHedger} from "../interfaces/IAtomicHedger.sol";
import {MockCaller} from "./MockCaller.sol";

interface IPullable {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// @title A settlement contract that misbehaves on demand, for the hostile tests of AtomicHedger
/// @notice It validates no order. With `trick` None it judges the hedger as RfqSettlement does.
contract MockSettlement is MockCaller {
    enum Trick {
        None,
        CollectNothing,
        PayOneUnitLess,
        CallDuringCollect
    }

    struct FundedFill {
        address taker;
        address receiver;
        address makerAsset;
        address takerAsset;
        uint256 makingAmount;
        uint256 takingAmount;
        uint256 plan;
        bytes route;
    }

    struct InventorySwap {
        address tokenIn;
        address tokenOut;
        uint256 amountIn;
        uint256 minimumOut;
        uint256 plan;
        bytes route;
    }

    /// @notice Thrown when the taker's token refuses the transfer.
    error TakerCannotPay();
    error Unauthorised(address caller);
    error NoTicket();
    error NotCollected(bytes32 orderHash);
    error WrongDelivery(uint256 expected, uint256 found);
    error ProfitTooLow(uint256 takingAmount, uint256 cost, uint256 minimum);
    error BoughtTooLittle(address token, uint256 found, uint256 minimum);

    // solhint-disable-next-line immutable-vars-naming
    address public immutable weth;
    // solhint-disable-next-line immutable-vars-naming
    address public immutable oneInchRouter;

    IAtomicHedger public hedger;
    Trick public trick;
    /// @notice What the last fill left, as told to collect.
    uint256 public profit;
    /// @notice What the last swap of inventory brought.
    uint256 public bought;

    FundedFill private _fill;
    bool private _ticketOpen;

    constructor(address weth_, address oneInchRouter_) {
        weth = weth_;
        oneInchRouter = oneInchRouter_;
    }

    function setHedger(IAtomicHedger hedger_) external {
        hedger = hedger_;
    }

    /// @param target called during collect with `data` for CallDuringCollect, else unused
    function setTrick(Trick trick_, address target, bytes calldata data) external {
        trick = trick_;
        _setCall(target, data);
    }

    function fund(FundedFill calldata fill) public {
        _fill = fill;
        _ticketOpen = true;
        uint256 expected = IPullable(fill.makerAsset).balanceOf(fill.receiver) + fill.makingAmount;
        if (fill.route.length == 0) {
            hedger.fundFill(
                fill.receiver,
                fill.makerAsset,
                fill.takerAsset,
                fill.makingAmount,
                fill.takingAmount,
                fill.plan
            );
        } else {
            hedger.fundFillByRoute(
                fill.receiver,
                fill.makerAsset,
                fill.takerAsset,
                fill.makingAmount,
                fill.takingAmount,
                fill.plan,
                fill.route
            );
        }
        if (_ticketOpen) revert NotCollected(bytes32(0));
        uint256 found = IPullable(fill.makerAsset).balanceOf(fill.receiver);
        if (found != expected) revert WrongDelivery(expected, found);
    }

    /// @notice Runs a fill and then, in the same transaction, one more call; its outcome is recorded.
    function fundThenCall(FundedFill calldata fill, address target, bytes calldata data) external {
        fund(fill);
        _setCall(target, data);
        _makeCall();
    }

    function swapInventory(InventorySwap calldata swap) external {
        uint256 before = IPullable(swap.tokenOut).balanceOf(address(this));
        _mustMove(swap.tokenIn, abi.encodeCall(IPullable.transfer, (address(hedger), swap.amountIn)));
        bought = hedger.swapExactIn(swap.tokenIn, swap.tokenOut, swap.amountIn, swap.plan, swap.route);
        uint256 received = IPullable(swap.tokenOut).balanceOf(address(this)) - before;
        if (received < bought) bought = received;
        if (bought < swap.minimumOut) revert BoughtTooLittle(swap.tokenOut, bought, swap.minimumOut);
    }

    function collect(address payee, uint256 amount) external {
        if (trick == Trick.CallDuringCollect) _makeCall();
        if (trick == Trick.CollectNothing) return;
        if (msg.sender != address(hedger)) revert Unauthorised(msg.sender);
        if (!_ticketOpen) revert NoTicket();
        _ticketOpen = false;
        uint256 minimum = uint128(_fill.plan);
        uint256 taking = _fill.takingAmount;
        if (amount > taking || taking - amount < minimum) revert ProfitTooLow(taking, amount, minimum);
        uint256 paid = trick == Trick.PayOneUnitLess ? amount - 1 : amount;
        _mustMove(_fill.takerAsset, abi.encodeCall(IPullable.transferFrom, (_fill.taker, payee, paid)));
        profit = taking - amount;
        if (profit == 0) return;
        _mustMove(
            _fill.takerAsset,
            abi.encodeCall(IPullable.transferFrom, (_fill.taker, address(this), profit))
        );
    }

    function _mustMove(address token, bytes memory call_) private {
        (bool ok, ) = token.call(call_);
        if (!ok) revert TakerCannotPay();
    }
}
