// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FillLock} from "./FillLock.sol";

/// @title Owner (two-step), guardian and operator
abstract contract Roles is FillLock {
    address public override owner;
    address public override pendingOwner;
    address public override guardian;
    address public override operator;

    modifier onlyOwner() {
        if (msg.sender != owner) revert Unauthorised(msg.sender);
        _;
    }

    /// @dev For functions that can only reduce what the contract accepts.
    modifier onlyReducer() {
        _requireReducer();
        _;
    }

    /// @dev The signer itself may void what it signed, and then no role is read.
    modifier onlyCanceller(address signer) {
        if (msg.sender != signer) _requireReducer();
        _;
    }

    constructor(address owner_) {
        if (owner_ == address(0)) revert ZeroAddress();
        owner = owner_;
        emit OwnershipTransferred(address(0), owner_);
    }

    /// @dev Zero takes a started transfer back.
    function transferOwnership(address newOwner) external override onlyOwner {
        pendingOwner = newOwner;
        emit OwnershipTransferStarted(msg.sender, newOwner);
    }

    function acceptOwnership() external override {
        if (msg.sender != pendingOwner) revert Unauthorised(msg.sender);
        emit OwnershipTransferred(owner, msg.sender);
        owner = msg.sender;
        delete pendingOwner;
    }

    /// @dev Zero is allowed: it dismisses the guardian.
    function setGuardian(address newGuardian) external override onlyOwner {
        guardian = newGuardian;
        emit GuardianSet(newGuardian);
    }

    /// @dev Zero is allowed: it dismisses the operator.
    function setOperator(address newOperator) external override onlyOwner {
        operator = newOperator;
        emit OperatorSet(newOperator);
    }

    function _requireReducer() private view {
        if (msg.sender != guardian && msg.sender != owner) revert Unauthorised(msg.sender);
    }
}
