// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Makes one prepared call and keeps what came of it, for tests that attack from inside a transaction
contract MockCaller {
    address public target;
    bytes public data;
    bool public called;
    bool public succeeded;
    /// @notice What the call returned or reverted with.
    bytes public answer;

    /// @notice Makes a call at once and keeps its outcome.
    function call(address target_, bytes calldata data_) external {
        _setCall(target_, data_);
        _makeCall();
    }

    function _setCall(address target_, bytes memory data_) internal {
        target = target_;
        data = data_;
    }

    function _makeCall() internal {
        called = true;
        (succeeded, answer) = target.call(data);
    }
}
