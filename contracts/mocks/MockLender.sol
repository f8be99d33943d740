// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockCaller} from "./MockCaller.sol";

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

interface IBorrower {
    function onMorphoFlashLoan(uint256 assets, bytes calldata data) external;
    function receiveFlashLoan(
        address[] calldata tokens,
        uint256[] calldata amounts,
        uint256[] calldata fees,
        bytes calldata data
    ) external;
    function executeOperation(
        address asset,
        uint256 amount,
        uint256 premium,
        address initiator,
        bytes calldata data
    ) external returns (bool);
    function onFlashLoan(
        address initiator,
        address token,
        uint256 amount,
        uint256 fee,
        bytes calldata data
    ) external returns (bytes32);
}

/// @title Morpho Blue, Balancer V2, Aave V3 and ERC-3156 as a borrower sees them, lending from its own balance and lying
/// on demand
contract MockLender {
    enum Trick {
        None,
        NoCallback,
        CallbackTwice,
        OtherToken,
        OtherAmount,
        OtherData,
        OtherInitiator,
        OtherCaller,
        LendOneUnitLess,
        PullOneUnitLess,
        AnswerFalse,
        CallBefore
    }

    /// @notice Thrown when the vault ends with less than it lent and charged.
    error NotRepaid();
    /// @notice Thrown when the borrower does not answer as ERC-3156 asks.
    error NotAccepted();

    Trick public trick;
    uint256 public fee;
    /// @notice Stands in for the lender with Trick OtherCaller, makes the call of CallBefore, and keeps the
    /// outcome.
    MockCaller public accomplice = new MockCaller();
    address private _target;
    bytes private _data;

    function setTrick(Trick trick_) external {
        trick = trick_;
    }

    /// @notice Prepares the call that the accomplice makes before the borrower is called back.
    function setCall(address target, bytes calldata data) external {
        trick = Trick.CallBefore;
        _target = target;
        _data = data;
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    /// @dev Morpho Blue
    function flashLoan(address token, uint256 assets, bytes calldata data) external {
        if (trick == Trick.NoCallback) return;
        _lend(msg.sender, token, assets);
        uint256 told = trick == Trick.OtherAmount ? assets + 1 : assets;
        _callBack(msg.sender, abi.encodeCall(IBorrower.onMorphoFlashLoan, (told, _told(data))));
        IToken(token).transferFrom(msg.sender, address(this), assets);
    }

    /// @dev Balancer V2
    function flashLoan(
        address receiver,
        address[] calldata tokens,
        uint256[] memory amounts,
        bytes calldata data
    ) external {
        if (trick == Trick.NoCallback) return;
        uint256 due = IToken(tokens[0]).balanceOf(address(this)) + fee;
        _lend(receiver, tokens[0], amounts[0]);
        address[] memory toldTokens = new address[](1);
        uint256[] memory fees = new uint256[](1);
        toldTokens[0] = _told(tokens[0]);
        fees[0] = fee;
        if (trick == Trick.OtherAmount) ++amounts[0];
        _callBack(
            receiver,
            abi.encodeCall(IBorrower.receiveFlashLoan, (toldTokens, amounts, fees, _told(data)))
        );
        if (IToken(tokens[0]).balanceOf(address(this)) < due) revert NotRepaid();
    }

    /// @dev Aave V3
    function flashLoanSimple(
        address receiver,
        address asset,
        uint256 amount,
        bytes calldata params,
        uint16
    ) external {
        if (trick == Trick.NoCallback) return;
        _lend(receiver, asset, amount);
        address initiator = trick == Trick.OtherInitiator ? address(this) : msg.sender;
        uint256 told = trick == Trick.OtherAmount ? amount + 1 : amount;
        _callBack(
            receiver,
            abi.encodeCall(IBorrower.executeOperation, (_told(asset), told, fee, initiator, _told(params)))
        );
        IToken(asset).transferFrom(receiver, address(this), amount + fee);
    }

    /// @dev ERC-3156, word for word as the standard has it where `trick` is None.
    function flashLoan(
        address receiver,
        address token,
        uint256 amount,
        bytes calldata data
    ) external returns (bool) {
        if (trick == Trick.NoCallback) return true;
        _lend(receiver, token, amount);
        address initiator = trick == Trick.OtherInitiator ? address(this) : msg.sender;
        uint256 told = trick == Trick.OtherAmount ? amount + 1 : amount;
        bytes memory callback = abi.encodeCall(
            IBorrower.onFlashLoan,
            (initiator, _told(token), told, fee, _told(data))
        );
        bytes32 answer = abi.decode(_callBack(receiver, callback), (bytes32));
        if (answer != keccak256("ERC3156FlashBorrower.onFlashLoan")) revert NotAccepted();
        uint256 due = trick == Trick.PullOneUnitLess ? amount + fee - 1 : amount + fee;
        IToken(token).transferFrom(receiver, address(this), due);
        return trick != Trick.AnswerFalse;
    }

    function _lend(address borrower, address token, uint256 amount) private {
        IToken(token).transfer(borrower, trick == Trick.LendOneUnitLess ? amount - 1 : amount);
    }

    function _callBack(address borrower, bytes memory callback) private returns (bytes memory answer) {
        if (trick == Trick.OtherCaller) accomplice.call(borrower, callback);
        if (trick == Trick.CallBefore) accomplice.call(_target, _data);
        answer = _mustSucceed(borrower, callback);
        if (trick == Trick.CallbackTwice) _mustSucceed(borrower, callback);
    }

    function _mustSucceed(address borrower, bytes memory callback) private returns (bytes memory reason) {
        bool ok;
        (ok, reason) = borrower.call(callback);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    function _told(address token) private view returns (address) {
        return trick == Trick.OtherToken ? address(this) : token;
    }

    function _told(bytes calldata data) private view returns (bytes memory changed) {
        changed = data;
        // The last byte of the first word, the receiver.
        if (trick == Trick.OtherData) changed[31] ^= 0x01;
    }
}
