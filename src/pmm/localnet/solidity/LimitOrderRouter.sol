// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.23;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IWETH, OrderMixin} from "@1inch/limit-order-protocol-contract/contracts/OrderMixin.sol";

/// @notice The limit-order half of 1inch's AggregationRouterV6: 1inch's own OrderMixin under the router's domain.
/// @dev None of the router's swap functions. The owner may pause fills, as on the router.
contract LimitOrderRouter is EIP712("1inch Aggregation Router", "6"), Ownable, OrderMixin {
    constructor(IWETH weth) OrderMixin(weth) Ownable(msg.sender) {}

    function pause() external onlyOwner {
        _pause();
    }

    function unpause() external onlyOwner {
        _unpause();
    }
}
