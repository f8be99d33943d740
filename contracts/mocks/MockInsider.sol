// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A module and holder of roles that tries many calls of the settlement from wherever it is called
/// @dev Every attempt runs in a frame that is rolled back, so that none of them changes what the next one meets.
contract MockInsider {
    struct Outcome {
        bool succeeded;
        bytes answer;
    }

    address public immutable SETTLEMENT;
    bytes[] private _calls;
    Outcome[] private _outcomes;

    /// @notice Carries the outcome out of the frame that is rolled back.
    error Done(bool succeeded, bytes answer);
    /// @notice Thrown when somebody else asks for a single attempt.
    error OnlySelf(address caller);

    constructor(address settlement) {
        SETTLEMENT = settlement;
    }

    receive() external payable {}

    /// @notice Makes a call in earnest and fails as it fails.
    function execute(bytes calldata data) external payable {
        (bool ok, bytes memory reason) = SETTLEMENT.call{value: msg.value}(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    function prepare(bytes[] calldata calls) external {
        delete _calls;
        for (uint256 i = 0; i < calls.length; ++i) _calls.push(calls[i]);
    }

    /// @notice Tries every prepared call; the outcomes of the last strike are kept.
    function strike() external {
        delete _outcomes;
        for (uint256 i = 0; i < _calls.length; ++i) {
            try this.attempt(_calls[i]) {} catch (bytes memory done) {
                _outcomes.push(_read(done));
            }
        }
    }

    function attempt(bytes calldata data) external {
        if (msg.sender != address(this)) revert OnlySelf(msg.sender);
        (bool ok, bytes memory answer) = SETTLEMENT.call(data);
        revert Done(ok, answer);
    }

    function outcomes() external view returns (Outcome[] memory) {
        return _outcomes;
    }

    function _read(bytes memory done) private pure returns (Outcome memory outcome) {
        bytes memory arguments = new bytes(done.length - 4);
        for (uint256 i = 0; i < arguments.length; ++i) arguments[i] = done[i + 4];
        (outcome.succeeded, outcome.answer) = abi.decode(arguments, (bool, bytes));
    }
}
