// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Order} from "../interfaces/IRfqSettlement.sol";
import {ITakerInteraction} from "../interfaces/ITakerInteraction.sol";
import {MockCaller} from "./MockCaller.sol";

/// @title A taker that is a contract, and strikes back from its interaction or when it gets ETH
contract MockTaker is MockCaller, ITakerInteraction {
    /// @notice keccak256 of the arguments of the last interaction, as they came in calldata.
    bytes32 public seen;
    bytes public seenData;

    /// @notice Prepares the call made from the interaction and on receipt of ETH.
    function setReaction(address target_, bytes calldata data_) external {
        _setCall(target_, data_);
    }

    /// @notice Makes a call at once and fails as it fails.
    function execute(address target_, bytes calldata data_) external payable {
        _execute(target_, data_, msg.value);
    }

    /// @notice Makes several calls in one transaction and fails as the first of them that fails.
    function executeAll(address[] calldata targets, bytes[] calldata datas) external {
        for (uint256 i = 0; i < targets.length; ++i) {
            _execute(targets[i], datas[i], 0);
        }
    }

    function takerInteraction(
        Order calldata order,
        bytes calldata extension,
        bytes32 orderHash,
        address taker,
        uint256 makingAmount,
        uint256 takingAmount,
        uint256 remainingMakingAmount,
        bytes calldata extraData
    ) external {
        seen = keccak256(
            abi.encode(order, extension, orderHash, taker, makingAmount, takingAmount, remainingMakingAmount)
        );
        seenData = extraData;
        if (target != address(0)) _makeCall();
    }

    receive() external payable {
        if (target != address(0)) _makeCall();
    }

    function _execute(address target_, bytes calldata data_, uint256 value) private {
        (bool ok, bytes memory reason) = target_.call{value: value}(data_);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }
}
