// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRfqSettlement} from "../interfaces/IRfqSettlement.sol";
import {Admission} from "./Admission.sol";
import {OrderLib} from "./OrderLib.sol";
import {TokenLib} from "./TokenLib.sol";

/// @notice The cancel calls of 1inch's contract.
interface IOneInchRouter {
    function cancelOrder(uint256 makerTraits, bytes32 orderHash) external;
    function bitsInvalidateForOrder(uint256 makerTraits, uint256 additionalMask) external;
}

/// @title Maker on 1inch's contract
/// @dev Validates the whole order out of the contract signature; what 1inch calls is a static call that knows
/// neither taker nor amount.
abstract contract OneInchMaker is Admission {
    using OrderLib for uint256;

    uint256 private constant _SIGNATURE_LENGTH = 232;

    /// @inheritdoc IRfqSettlement
    function isValidSignature(
        bytes32 hash,
        bytes calldata signature
    ) external view override whenUnlocked returns (bytes4) {
        if (signature.length != _SIGNATURE_LENGTH) revert BadSignatureLength(signature.length);
        uint256 salt = _word(signature, 0);
        uint256 makerAsset = _word(signature, 32) >> 96;
        uint256 takerAsset = _word(signature, 52) >> 96;
        uint256 traits = _word(signature, 136);

        // 1. Bind to the digest 1inch asks about: we are the maker, and nobody else receives.
        bytes32 computed = _packedDigest(signature, _routerSeparator());
        if (computed != hash) revert DigestMismatch(hash, computed);

        // 2. The same rules as on our own domain; an extension would carry hooks, and there are none yet.
        uint256 refused = traits & (OrderLib.REFUSED_TRAITS | OrderLib.HAS_EXTENSION);
        if (refused != 0) revert UnsupportedTraits(refused);
        _openLane(
            hash,
            bytes32(_word(signature, 168)),
            bytes32(_word(signature, 200)),
            salt,
            traits,
            makerAsset,
            takerAsset
        );
        return IRfqSettlement.isValidSignature.selector;
    }

    /// @inheritdoc IRfqSettlement
    function setRouterAllowance(address token, uint128 amount) external override onlyReducer {
        if (amount != 0) {
            if (msg.sender != owner) revert Unauthorised(msg.sender);
            if (!isRegistered(token)) revert UnregisteredToken(uint160(token));
        }
        TokenLib.setAllowance(token, oneInchRouter, amount);
        emit RouterAllowanceSet(token, amount);
    }

    /// @inheritdoc IRfqSettlement
    function cancelOnRouter(uint256 makerTraits, bytes32 orderHash) external override onlyReducer {
        IOneInchRouter(oneInchRouter).cancelOrder(makerTraits, orderHash);
    }

    /// @inheritdoc IRfqSettlement
    function cancelMaskOnRouter(uint256 makerTraits, uint256 mask) external override onlyReducer {
        IOneInchRouter(oneInchRouter).bitsInvalidateForOrder(makerTraits, mask);
    }

    /// @dev Within a signature whose length was checked.
    function _word(bytes calldata signature, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(signature.offset, offset))
        }
    }

    /// @dev EIP-712 digest of (salt, this contract, receiver 0, makerAsset, takerAsset, makingAmount,
    /// takingAmount, makerTraits) out of the packed signature.
    function _packedDigest(
        bytes calldata signature,
        bytes32 separator
    ) private view returns (bytes32 digest) {
        bytes32 typehash = OrderLib.TYPEHASH;
        assembly ("memory-safe") {
            let data := mload(0x40)
            let packed := signature.offset
            mstore(data, typehash)
            mstore(add(data, 0x20), calldataload(packed))
            mstore(add(data, 0x40), address())
            mstore(add(data, 0x60), 0)
            mstore(add(data, 0x80), shr(96, calldataload(add(packed, 32))))
            mstore(add(data, 0xa0), shr(96, calldataload(add(packed, 52))))
            calldatacopy(add(data, 0xc0), add(packed, 72), 0x60)
            mstore(add(data, 0x22), keccak256(data, 0x120))
            mstore(data, 0x1901000000000000000000000000000000000000000000000000000000000000)
            mstore(add(data, 0x02), separator)
            digest := keccak256(data, 0x42)
        }
    }
}
