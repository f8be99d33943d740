// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockCaller} from "./MockCaller.sol";

interface IUnlockable {
    function unlock(bytes calldata data) external returns (bytes memory);
    function settle() external payable returns (uint256);
    function take(address currency, address to, uint256 amount) external;
}

/// @title Acts inside an unlock of the Uniswap V4 manager: makes a prepared call, or has the manager send somebody ether
contract MockUnlocker is MockCaller {
    IUnlockable private immutable _manager;

    constructor(IUnlockable manager) {
        _manager = manager;
    }

    /// @notice Makes a call inside an unlock and keeps its outcome.
    function callInside(address target_, bytes calldata data_) external {
        _setCall(target_, data_);
        _manager.unlock("");
    }

    /// @notice Has the manager send the ether of this call to `to`.
    function giveEther(address to) external payable {
        _manager.unlock(abi.encode(to, msg.value));
    }

    function unlockCallback(bytes calldata given) external returns (bytes memory) {
        if (given.length == 0) {
            _makeCall();
            return "";
        }
        (address to, uint256 amount) = abi.decode(given, (address, uint256));
        _manager.settle{value: amount}();
        _manager.take(address(0), to, amount);
        return "";
    }
}
