// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IErc20View} from "../modules/TokenLib.sol";

/// @title A taker that tries many fills in one call and says what each of them did
/// @dev Every attempt runs in a frame that is rolled back, so thousands of orders can be tried against the same
/// state in a handful of `eth_call`s. Each is made twice, so that the answer tells whether the nonce is dead.
contract FillComparison {
    struct Attempt {
        address target;
        address maker;
        address makerAsset;
        address takerAsset;
        uint256 value;
        bytes data;
    }

    /// @notice What one attempt did. `deltas` are the changes, modulo 2^256, of the balances of maker asset
    /// and taker asset of maker, taker and receiver, in that order, and of the ETH of taker and receiver.
    struct Answer {
        bool filled;
        bytes answer;
        uint256[8] deltas;
        bool filledAgain;
        bytes answerAgain;
    }

    address private immutable _RECEIVER;

    /// @notice Carries the answer out of the frame that is rolled back.
    error Done(Answer answer);
    /// @notice Thrown when somebody else asks for a single attempt.
    error OnlySelf(address caller);
    /// @notice Thrown when the preparation of the harness fails.
    error NotReady(bytes reason);

    constructor(address receiver) {
        _RECEIVER = receiver;
    }

    receive() external payable {}

    /// @notice Makes one call in earnest: approvals.
    function execute(address target, bytes calldata data) external {
        (bool ok, bytes memory reason) = target.call(data);
        if (!ok) revert NotReady(reason);
    }

    /// @notice Tries each attempt against the state as it is and leaves no trace.
    function tryAll(Attempt[] calldata attempts) external payable returns (bytes[] memory answers) {
        answers = new bytes[](attempts.length);
        for (uint256 i = 0; i < attempts.length; ++i) {
            try this.attempt(attempts[i]) {} catch (bytes memory answer) {
                answers[i] = answer;
            }
        }
    }

    /// @notice Makes the attempts one upon the other's state; for `eth_call`.
    function tryInSequence(Attempt[] calldata attempts) external payable returns (bool[] memory filled) {
        filled = new bool[](attempts.length);
        for (uint256 i = 0; i < attempts.length; ++i) {
            (filled[i], ) = attempts[i].target.call{value: attempts[i].value}(attempts[i].data);
        }
    }

    /// @notice Makes one attempt twice and reverts with what came of it.
    function attempt(Attempt calldata one) external {
        if (msg.sender != address(this)) revert OnlySelf(msg.sender);
        Answer memory found;
        uint256[8] memory before = _balances(one);
        (found.filled, found.answer) = one.target.call{value: one.value}(one.data);
        found.deltas = _balances(one);
        unchecked {
            for (uint256 i = 0; i < 8; ++i) found.deltas[i] -= before[i];
        }
        if (found.filled)
            (found.filledAgain, found.answerAgain) = one.target.call{value: one.value}(one.data);
        revert Done(found);
    }

    function _balances(Attempt calldata one) private view returns (uint256[8] memory) {
        IErc20View base = IErc20View(one.makerAsset);
        IErc20View quote = IErc20View(one.takerAsset);
        return
            [
                base.balanceOf(one.maker),
                quote.balanceOf(one.maker),
                base.balanceOf(address(this)),
                quote.balanceOf(address(this)),
                base.balanceOf(_RECEIVER),
                quote.balanceOf(_RECEIVER),
                address(this).balance,
                _RECEIVER.balance
            ];
    }
}
