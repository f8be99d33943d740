// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "../interfaces/ISettlementErrors.sol";

/// @notice The calls of WETH9 that the settlement uses.
interface IWeth {
    function deposit() external payable;
    function withdraw(uint256 amount) external;
}

/// @notice The views of an ERC-20 that the settlement uses.
interface IErc20View {
    function balanceOf(address account) external view returns (uint256);
    function allowance(address holder, address spender) external view returns (uint256);
}

/// @title ERC-20 calls for tokens that return true, or nothing at all
/// @dev A call succeeds when it did not revert and returned true, or returned nothing and the token has code.
/// The usual token pays one test for all of that. Tokens are given as order words, which the registry found
/// clean.
library TokenLib {
    /// @notice Sends own tokens.
    function push(uint256 token, address to, uint256 amount) internal {
        bool ok;
        bool returnedTrue;
        assembly ("memory-safe") {
            let data := mload(0x40)
            // transfer(to, amount)
            mstore(data, 0xa9059cbb00000000000000000000000000000000000000000000000000000000)
            mstore(add(data, 0x04), to)
            mstore(add(data, 0x24), amount)
            ok := call(gas(), token, 0, data, 0x44, 0x00, 0x20)
            returnedTrue := and(ok, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f)))
        }
        if (!returnedTrue) _requireSilent(ok, token);
    }

    /// @notice Moves tokens that `from` approved to this contract.
    function pull(uint256 token, address from, address to, uint256 amount) internal {
        bool ok;
        bool returnedTrue;
        assembly ("memory-safe") {
            let data := mload(0x40)
            // transferFrom(from, to, amount)
            mstore(data, 0x23b872dd00000000000000000000000000000000000000000000000000000000)
            mstore(add(data, 0x04), from)
            mstore(add(data, 0x24), to)
            mstore(add(data, 0x44), amount)
            ok := call(gas(), token, 0, data, 0x64, 0x00, 0x20)
            returnedTrue := and(ok, and(eq(mload(0x00), 1), gt(returndatasize(), 0x1f)))
        }
        if (!returnedTrue) _requireSilent(ok, token);
    }

    /// @notice Sets an allowance, through zero for tokens that refuse to change a non-zero one.
    function setAllowance(address token, address spender, uint256 amount) internal {
        if (amount != 0 && IErc20View(token).allowance(address(this), spender) != 0)
            _approve(token, spender, 0);
        _approve(token, spender, amount);
    }

    /// @notice Calls with the `length` bytes at `data`; what fails there fails here, with its own words. The caller has
    /// looked whether the target holds code.
    function callFrom(address target, uint256 data, uint256 length) internal {
        assembly ("memory-safe") {
            if iszero(call(gas(), target, 0, data, length, 0, 0)) {
                data := mload(0x40)
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
        }
    }

    /// @notice Sends ETH without copying what the receiver answers.
    function pushEth(address to, uint256 amount) internal {
        bool ok;
        assembly ("memory-safe") {
            ok := call(gas(), to, amount, 0, 0, 0, 0)
        }
        if (!ok) revert ISettlementErrors.EthTransferFailed(to);
    }

    function balanceOf(address token, address account) internal view returns (uint256 held) {
        bool good;
        assembly ("memory-safe") {
            // balanceOf(account)
            mstore(0x00, 0x70a0823100000000000000000000000000000000000000000000000000000000)
            mstore(0x04, account)
            good := staticcall(gas(), token, 0x00, 0x24, 0x00, 0x20)
            good := and(good, gt(returndatasize(), 0x1f))
            held := mload(0x00)
        }
        if (!good) revert ISettlementErrors.TokenCallFailed(token, "");
    }

    function _approve(address token, address spender, uint256 amount) private {
        (bool ok, bytes memory answer) = token.call(
            abi.encodeWithSignature("approve(address,uint256)", spender, amount)
        );
        if (ok && answer.length >= 32 && abi.decode(answer, (uint256)) == 1) return;
        _requireSilent(ok, uint160(token));
    }

    /// @dev After a call that did not return true: passes only where a token with code returned nothing.
    function _requireSilent(bool ok, uint256 token_) private view {
        address token = address(uint160(token_));
        uint256 size;
        bytes memory reason;
        assembly ("memory-safe") {
            size := returndatasize()
        }
        if (ok && size == 0 && token.code.length != 0) return;
        assembly ("memory-safe") {
            reason := mload(0x40)
            mstore(reason, size)
            returndatacopy(add(reason, 0x20), 0, size)
            mstore(0x40, add(reason, and(add(size, 0x3f), not(0x1f))))
        }
        revert ISettlementErrors.TokenCallFailed(token, reason);
    }
}
