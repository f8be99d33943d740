// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHookedSettlement} from "../interfaces/IRouterHooks.sol";
import {MockCaller} from "./MockCaller.sol";

interface IApprovable {
    function approve(address spender, uint256 amount) external returns (bool);
    function transfer(address to, uint256 amount) external returns (bool);
}

/// @title A maker on 1inch that accepts every signature and whose swaps cost as much gas as wanted
contract MockHookedSettlement is IHookedSettlement, MockCaller {
    /// @notice Thrown when a swap brings less than asked for.
    error SwapRefused(uint256 amountOut, uint256 minimumOut);

    address public immutable oneInchRouter;
    address public lendingAccount;
    /// @notice Gas without which a swap or a move runs out of it.
    uint256 public gasNeeded;
    /// @notice What a swap says it bought.
    uint256 public amountOut;
    /// @notice Gas at the start of the last swap or move that had enough.
    uint256 public gasSeen;
    /// @notice Arguments of the last swap, the route as its hash, and of the last cap.
    bytes public swapped;
    bytes public counted;

    constructor(address router) {
        oneInchRouter = router;
    }

    function setLendingAccount(address account) external {
        lendingAccount = account;
    }

    function setSwap(uint256 gasNeeded_, uint256 amountOut_) external {
        (gasNeeded, amountOut) = (gasNeeded_, amountOut_);
    }

    /// @notice Prepares a call made from inside a swap.
    function setReaction(address target_, bytes calldata data_) external {
        _setCall(target_, data_);
    }

    function approve(address token, uint256 amount) external {
        IApprovable(token).approve(oneInchRouter, amount);
    }

    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }

    function consumeCap(address makerAsset, uint256 making) external {
        counted = abi.encode(makerAsset, making);
    }

    function moveToLending(address token, uint256 amount) external {
        _spendGas();
        IApprovable(token).transfer(lendingAccount, amount);
    }

    function swapInventory(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minimumOut,
        uint256 plan,
        bytes calldata route
    ) external returns (uint256) {
        _spendGas();
        if (target != address(0)) _makeCall();
        if (amountOut < minimumOut) revert SwapRefused(amountOut, minimumOut);
        swapped = abi.encode(tokenIn, tokenOut, amountIn, minimumOut, plan, keccak256(route));
        return amountOut;
    }

    function _spendGas() private {
        uint256 available = gasleft();
        if (available < gasNeeded) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        gasSeen = available;
    }
}
