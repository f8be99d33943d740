// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Plans that close a fill by a flash swap on one Uniswap V3 pool, and where that pool stands
/// @dev Bit table of the plan word: contracts/README.md.
library PoolLib {
    /// @dev Source 1, and what such a plan leaves clear: all but fee and minimum profit.
    uint256 private constant _ONE_POOL = 1 << 248;
    uint256 private constant _BEYOND_ONE_POOL = (uint256(255) << 248) | (((1 << 96) - 1) << 128);
    /// @dev 0xff and Uniswap's V3 factory on mainnet, left-aligned.
    uint256 private constant _FACTORY = 0xff1F98431c8aD98523631AE4a59f267346ea31F984 << 88;
    /// @dev keccak256 of UniswapV3Pool's creation code, v3-core 1.0.1.
    uint256 private constant _INIT_CODE_HASH =
        0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54;

    /// @param length of the plan word and its route in bytes: such a plan has none
    function isOnePool(uint256 plan, uint256 length) internal pure returns (bool) {
        return plan & _BEYOND_ONE_POOL == _ONE_POOL && length == 32;
    }

    /// @notice The pool of two tokens, given as order words, and of the plan's fee, whether it exists or not.
    function poolOf(
        uint256 makerAsset,
        uint256 takerAsset,
        uint256 plan
    ) internal pure returns (address pool) {
        assembly ("memory-safe") {
            // keccak256(0xff, factory, keccak256(token0, token1, fee), init code hash), the last 20 bytes.
            let data := mload(0x40)
            let second := shl(5, lt(takerAsset, makerAsset))
            mstore(add(data, second), makerAsset)
            mstore(add(data, xor(second, 0x20)), takerAsset)
            mstore(add(data, 0x40), and(shr(224, plan), 0xffffff))
            let salt := keccak256(data, 0x60)
            mstore(data, _FACTORY)
            mstore(add(data, 0x15), salt)
            mstore(add(data, 0x35), _INIT_CODE_HASH)
            pool := shr(96, shl(96, keccak256(data, 0x55)))
        }
    }
}
