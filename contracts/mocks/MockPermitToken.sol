// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockOddToken} from "./MockOddToken.sol";

/// @title A token whose permit, of whatever kind, makes the prepared call and gives no allowance
contract MockPermitToken is MockOddToken {
    /// @notice Calldata of the last permit.
    bytes public permitData;

    fallback() external {
        permitData = msg.data;
        if (target != address(0)) _makeCall();
    }
}
