// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MockCaller} from "./MockCaller.sol";

interface IPaid {
    function transfer(address to, uint256 amount) external returns (bool);
}

interface ISwapper {
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external;
}

/// @title A Uniswap V3 pool of USDC and WETH as a swapper sees it, lying as its creator wished
/// @dev Its code is put where the genuine pool stands, whose storage it neither reads nor writes. It sells USDC at a
/// fixed price for an exact amount of WETH.
contract MockSwapPool {
    enum Trick {
        None,
        NoCallback,
        CallbackTwice,
        OtherData,
        OtherCaller
    }

    /// @notice Thrown for a swap of the other kinds.
    error NotServed();

    Trick public immutable TRICK;
    address public immutable USDC;
    /// @notice Base units of USDC for one WETH.
    int256 public immutable PRICE;
    /// @notice Calls back in the pool's stead with Trick OtherCaller, and keeps the outcome.
    MockCaller public immutable ACCOMPLICE = new MockCaller();

    constructor(Trick trick, address usdc, int256 price) {
        TRICK = trick;
        USDC = usdc;
        PRICE = price;
    }

    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1) {
        if (zeroForOne || amountSpecified <= 0) revert NotServed();
        amount1 = amountSpecified;
        amount0 = -(amountSpecified * PRICE) / 1e18;
        if (TRICK == Trick.NoCallback) return (amount0, amount1);
        IPaid(USDC).transfer(recipient, uint256(-amount0));
        bytes memory told = data;
        // The last byte of the fourth word, the margin.
        if (TRICK == Trick.OtherData) told[127] ^= 0x01;
        bytes memory callback = abi.encodeCall(ISwapper.uniswapV3SwapCallback, (amount0, amount1, told));
        if (TRICK == Trick.OtherCaller) ACCOMPLICE.call(msg.sender, callback);
        _mustSucceed(msg.sender, callback);
        if (TRICK == Trick.CallbackTwice) _mustSucceed(msg.sender, callback);
    }

    function _mustSucceed(address swapper, bytes memory callback) private {
        (bool ok, bytes memory reason) = swapper.call(callback);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
    }
}
