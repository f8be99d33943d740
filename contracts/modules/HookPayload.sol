// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRouterHooks} from "../interfaces/IRouterHooks.sol";

/// @title Strict reading of the two signed hook payloads
/// @dev Byte tables: contracts/HOOKS.md; the Python twin is pmm.domain.hook_payloads. Whatever is not in the
/// tables is refused.
library HookPayload {
    /// @notice What is done with the taker asset.
    uint256 internal constant NONE = 0;
    uint256 internal constant SUPPLY_AAVE = 1;
    uint256 internal constant SUPPLY_COMPOUND = 2;
    uint256 internal constant REPAY = 3;
    uint256 internal constant HEDGE = 4;

    uint256 internal constant MAX_SHARE_BPS = 10_000;
    /// @dev Below this no supply, repayment or swap gets through, so a lower floor would protect nothing.
    uint256 internal constant MIN_GAS_FLOOR = 100_000;

    uint256 private constant _MAX_SOURCE = 4;
    uint256 private constant _MAX_MARKET = 2;
    uint256 private constant _PRE_HEAD = 2;
    uint256 private constant _PRE_PRIVATE = 22;
    uint256 private constant _POST_HEAD = 6;
    uint256 private constant _POST_REPAY = 7;
    uint256 private constant _POST_HEDGE = 56;

    /// @notice Reads the whole payload of `preInteraction`.
    /// @return taker the only taker, zero if anyone
    /// @return source of just-in-time inventory, 0 for none
    function readPre(bytes calldata data) internal pure returns (address taker, uint256 source) {
        if (data.length < _PRE_HEAD) revert IRouterHooks.BadPayloadLength(data.length, _PRE_HEAD);
        uint256 flags = uint8(data[0]);
        if (flags > 1) revert IRouterHooks.UnknownFlags(flags);
        source = uint8(data[1]);
        if (source > _MAX_SOURCE) revert IRouterHooks.UnknownSource(source);
        if (flags == 0) {
            if (data.length != _PRE_HEAD) revert IRouterHooks.BadPayloadLength(data.length, _PRE_HEAD);
        } else {
            if (data.length != _PRE_PRIVATE) revert IRouterHooks.BadPayloadLength(data.length, _PRE_PRIVATE);
            taker = address(bytes20(data[2:22]));
            if (taker == address(0)) revert IRouterHooks.ZeroTaker();
        }
    }

    /// @notice Reads what every payload of `postInteraction` begins with.
    /// @return action 0 to 4
    /// @return required whether a failure reverts the fill
    /// @return gasFloor gas the action must be given at least; zero if required
    function readPostHead(
        bytes calldata data
    ) internal pure returns (uint256 action, bool required, uint256 gasFloor) {
        if (data.length < _POST_HEAD) revert IRouterHooks.BadPayloadLength(data.length, _POST_HEAD);
        action = uint8(data[0]);
        if (action > HEDGE) revert IRouterHooks.UnknownAction(action);
        uint256 flags = uint8(data[1]);
        if (flags > 1 || (action == NONE && flags != 0)) revert IRouterHooks.UnknownFlags(flags);
        required = flags == 1;
        gasFloor = uint32(bytes4(data[2:6]));
        bool needsFloor = !required && action != NONE;
        if (needsFloor ? gasFloor < MIN_GAS_FLOOR : gasFloor != 0) revert IRouterHooks.BadGasFloor(gasFloor);
    }

    /// @notice Requires that nothing follows the head.
    function requireBare(bytes calldata data) internal pure {
        if (data.length != _POST_HEAD) revert IRouterHooks.BadPayloadLength(data.length, _POST_HEAD);
    }

    /// @notice Reads what follows the head of a repayment.
    /// @return market 1 Aave V3, 2 Compound V2
    function readRepay(bytes calldata data) internal pure returns (uint256 market) {
        if (data.length != _POST_REPAY) revert IRouterHooks.BadPayloadLength(data.length, _POST_REPAY);
        market = uint8(data[6]);
        if (market == 0 || market > _MAX_MARKET) revert IRouterHooks.UnknownMarket(market);
    }

    /// @notice Reads what follows the head of a hedge.
    /// @return shareBps share of the taking amount that is sold, in 1/10,000
    /// @return minimum least amount of the maker asset for that share of the whole order
    /// @return plan word for the hedger
    /// @return route bytes for the hedger, to the end of the payload
    function readHedge(
        bytes calldata data
    ) internal pure returns (uint256 shareBps, uint256 minimum, uint256 plan, bytes calldata route) {
        if (data.length < _POST_HEDGE) revert IRouterHooks.BadPayloadLength(data.length, _POST_HEDGE);
        shareBps = uint16(bytes2(data[6:8]));
        if (shareBps == 0 || shareBps > MAX_SHARE_BPS) revert IRouterHooks.BadShare(shareBps);
        minimum = uint128(bytes16(data[8:24]));
        if (minimum == 0) revert IRouterHooks.ZeroMinimum();
        plan = uint256(bytes32(data[24:56]));
        route = data[_POST_HEDGE:];
    }
}
