// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockCaller} from "./MockCaller.sol";

/// @title An ERC-20 without access control that answers, charges or calls out as its oddity says
contract MockOddToken is MockCaller {
    enum Oddity {
        None,
        ReturnsNothing,
        ReturnsFalse,
        ReturnsTwo,
        ReturnsOneByte,
        RevertsSilently,
        RevertsWithReason,
        CallsOut,
        ChangesAllowanceOnlyFromZero
    }

    /// @notice The reason given with Oddity RevertsWithReason.
    error Refused(address from, address to, uint256 amount);

    /// @notice Thrown by approve with Oddity ChangesAllowanceOnlyFromZero.
    error AllowanceNotZero(uint256 present);

    uint8 public constant decimals = 18;

    Oddity public oddity;
    mapping(address account => uint256) public balanceOf;
    mapping(address account => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed account, address indexed spender, uint256 amount);

    /// @param target called before each transfer with `data` for CallsOut, else unused
    function setOddity(Oddity oddity_, address target, bytes calldata data) external {
        oddity = oddity_;
        _setCall(target, data);
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function burn(address from, uint256 amount) external {
        balanceOf[from] -= amount;
        emit Transfer(from, address(0), amount);
    }

    function approve(address spender, uint256 amount) external {
        uint256 present = allowance[msg.sender][spender];
        bool locked = oddity == Oddity.ChangesAllowanceOnlyFromZero && amount != 0 && present != 0;
        if (locked) revert AllowanceNotZero(present);
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        _answer();
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
        _answer();
    }

    function transferFrom(address from, address to, uint256 amount) external {
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        _answer();
    }

    function _move(address from, address to, uint256 amount) private {
        if (oddity == Oddity.RevertsWithReason) revert Refused(from, to, amount);
        if (oddity == Oddity.CallsOut) _makeCall();
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }

    /// @dev Ends the call with 32 bytes of true, or with what the oddity wants.
    function _answer() private view {
        Oddity oddity_ = oddity;
        if (oddity_ == Oddity.RevertsSilently) {
            assembly ("memory-safe") {
                revert(0, 0)
            }
        }
        uint256 word =
            oddity_ == Oddity.ReturnsFalse
                ? 0
                : oddity_ == Oddity.ReturnsTwo
                    ? 2
                    : 1;
        uint256 size =
            oddity_ == Oddity.ReturnsNothing
                ? 0
                : oddity_ == Oddity.ReturnsOneByte
                    ? 1
                    : 32;
        assembly ("memory-safe") {
            mstore(0, word)
            return(sub(32, size), size)
        }
    }
}
