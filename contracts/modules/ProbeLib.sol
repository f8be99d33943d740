// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Reads of foreign contracts that cannot make the reader revert
/// @dev Each call gets a bounded share of gas and brings back a bounded answer, so that a token or a feed
/// that reverts, burns its gas or answers at length is told about instead of being fatal.
library ProbeLib {
    /// @dev More than any token or feed we know spends on a view, and a sixteenth of what a node usually
    /// grants a call.
    uint256 internal constant GAS = 500_000;

    // Selectors of ERC-20, Chainlink's AggregatorV3Interface, ERC-1271 and 1inch's contract.
    bytes4 private constant _BALANCE_OF = 0x70a08231; // balanceOf(address)
    bytes4 private constant _ALLOWANCE = 0xdd62ed3e; // allowance(address,address)
    bytes4 private constant _LATEST_ROUND_DATA = 0xfeaf968c; // latestRoundData()
    bytes4 private constant _BIT_INVALIDATOR = 0x143e86a7; // bitInvalidatorForOrder(address,uint256)

    /// @notice Balance of an account, zero where the token does not say.
    function balanceOf(address token, address account) internal view returns (uint256 balance) {
        (, balance) = word(token, abi.encodeWithSelector(_BALANCE_OF, account));
    }

    /// @notice Allowance, zero where the token does not say.
    function allowance(
        address token,
        address holder,
        address spender
    ) internal view returns (uint256 allowed) {
        (, allowed) = word(token, abi.encodeWithSelector(_ALLOWANCE, holder, spender));
    }

    /// @notice The 256 nonces of a maker on 1inch's contract among which `nonce` is, all dead where it does not
    /// say.
    function usedNonces(address router, address maker, uint256 nonce) internal view returns (uint256 used) {
        bool ok;
        (ok, used) = word(router, abi.encodeWithSelector(_BIT_INVALIDATOR, maker, nonce));
        if (!ok) used = type(uint256).max;
    }

    /// @notice Answer and time of a Chainlink feed.
    /// @return ok whether the feed answered in full
    function latestAnswer(address feed) internal view returns (bool ok, int256 answer, uint256 updatedAt) {
        uint256 gasLimit = GAS;
        bytes4 selector = _LATEST_ROUND_DATA;
        assembly ("memory-safe") {
            // (roundId, answer, startedAt, updatedAt, answeredInRound)
            let data := mload(0x40)
            mstore(data, selector)
            ok := staticcall(gasLimit, feed, data, 0x04, data, 0xa0)
            ok := and(ok, gt(returndatasize(), 0x9f))
            if ok {
                answer := mload(add(data, 0x20))
                updatedAt := mload(add(data, 0x60))
            }
        }
    }

    /// @notice First word of what a view answers, zero where it does not.
    function word(address target, bytes memory data) internal view returns (bool ok, uint256 value) {
        uint256 gasLimit = GAS;
        assembly ("memory-safe") {
            ok := staticcall(gasLimit, target, add(data, 0x20), mload(data), 0x00, 0x20)
            ok := and(ok, gt(returndatasize(), 0x1f))
            if ok {
                value := mload(0x00)
            }
        }
    }
}
