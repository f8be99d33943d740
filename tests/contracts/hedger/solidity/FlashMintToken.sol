// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20FlashMint} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20FlashMint.sol";

/// @title OpenZeppelin's ERC-3156 lender, which lends what it mints, at a fee of 9 bps
contract FlashMintToken is ERC20FlashMint {
    uint256 private constant _FEE_BPS = 9;
    address private immutable _feeReceiver;

    constructor(address holder, address feeReceiver, uint256 supply) ERC20("Flash mint", "FLASH") {
        _feeReceiver = feeReceiver;
        _mint(holder, supply);
    }

    function _flashFee(address, uint256 value) internal pure override returns (uint256) {
        return (value * _FEE_BPS) / 10_000;
    }

    function _flashFeeReceiver() internal view override returns (address) {
        return _feeReceiver;
    }
}
