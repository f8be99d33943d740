// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "../interfaces/ISettlementErrors.sol";
import {Order} from "../interfaces/IRfqSettlement.sol";

/// @title Hash, traits, call arguments and extension of an order
/// @dev Bit tables in contracts/README.md.
library OrderLib {
    /// @dev keccak256 of 1inch's type string: "Order(uint256 salt,address maker,address receiver,address
    /// makerAsset, address takerAsset,uint256 makingAmount,uint256 takingAmount,uint256 makerTraits)",
    /// without the line break
    bytes32 internal constant TYPEHASH = 0x3af21ec5a20011b88d3b7b4ed7c806cef05a5980cf34974bcd53566a131f7e4c;

    // makerTraits
    uint256 internal constant NO_PARTIAL_FILLS = 1 << 255;
    uint256 internal constant HAS_EXTENSION = 1 << 249;
    /// @dev All bits but NO_PARTIAL_FILLS, HAS_EXTENSION and the fields below bit 200.
    uint256 internal constant REFUSED_TRAITS = ~(NO_PARTIAL_FILLS | HAS_EXTENSION | ((1 << 200) - 1));
    uint256 internal constant SENDER_MASK = type(uint80).max;
    /// @dev What a plain order, open to anyone, leaves clear.
    uint256 internal constant NOT_PLAIN = REFUSED_TRAITS | HAS_EXTENSION | SENDER_MASK;

    // takerTraits
    uint256 internal constant UNWRAP_WETH = 1 << 254;
    uint256 internal constant USE_PERMIT2 = 1 << 252;
    uint256 internal constant ARGS_HAS_TARGET = 1 << 251;
    uint256 internal constant INTERACTION_LENGTH_MASK = uint256(type(uint24).max) << 200;
    uint256 internal constant EXTENSION_LENGTH_MASK = uint256(type(uint24).max) << 224;
    /// @dev The fields that describe args.
    uint256 internal constant ARGS_TRAITS = ARGS_HAS_TARGET | EXTENSION_LENGTH_MASK | INTERACTION_LENGTH_MASK;
    /// @dev What a plain call leaves clear, as far as admission and as far as the legs go.
    uint256 internal constant NOT_PLAIN_CALL = USE_PERMIT2 | ARGS_TRAITS;
    uint256 internal constant NOT_PLAIN_LEGS = UNWRAP_WETH | ARGS_TRAITS;
    uint256 internal constant REFUSED_FUNDED_TRAITS = USE_PERMIT2 | UNWRAP_WETH | INTERACTION_LENGTH_MASK;

    // extension
    uint256 internal constant PRIVATE_TAKER = 1;
    uint256 internal constant FUNDING_PLAN = 2;

    /// @notice EIP-712 digest of the raw order words under the given domain.
    function digest(Order calldata order, bytes32 separator) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, TYPEHASH)
            calldatacopy(add(data, 0x20), order, 0x100)
            mstore(add(data, 0x22), keccak256(data, 0x120))
            mstore(data, 0x1901000000000000000000000000000000000000000000000000000000000000)
            mstore(add(data, 0x02), separator)
            hash := keccak256(data, 0x42)
        }
    }

    function series(uint256 traits) internal pure returns (uint256) {
        return uint40(traits >> 160);
    }

    function nonce(uint256 traits) internal pure returns (uint256) {
        return uint40(traits >> 120);
    }

    function expiration(uint256 traits) internal pure returns (uint256) {
        return uint40(traits >> 80);
    }

    function isAllowedSender(uint256 traits, address sender) internal pure returns (bool) {
        uint256 allowed = traits & SENDER_MASK;
        return allowed == 0 || allowed == uint80(uint160(sender));
    }

    function signedEpoch(uint256 salt) internal pure returns (uint256) {
        return uint32(salt >> 160);
    }

    /// @notice Cuts args into target, extension and interaction; not a byte may be missing or left over.
    function parseArgs(
        uint256 takerTraits,
        bytes calldata args
    ) internal view returns (address target, bytes calldata extension, bytes calldata interaction) {
        uint256 start = takerTraits & ARGS_HAS_TARGET == 0 ? 0 : 20;
        uint256 middle = start + uint24(takerTraits >> 224);
        uint256 end = middle + uint24(takerTraits >> 200);
        if (args.length != end) revert ISettlementErrors.BadArgs(end, args.length);
        target = start == 0 ? msg.sender : address(bytes20(args[:20]));
        if (target == address(0)) revert ISettlementErrors.ZeroAddress();
        extension = args[start:middle];
        interaction = args[middle:end];
    }

    /// @notice Requires the extension to be the signed one.
    function requireExtension(uint256 salt, uint256 traits, bytes calldata extension) internal pure {
        if (traits & HAS_EXTENSION == 0) {
            if (extension.length != 0) revert ISettlementErrors.UnexpectedExtension(extension.length);
            return;
        }
        if (extension.length == 0) revert ISettlementErrors.MissingExtension();
        uint256 hash = uint256(keccak256(extension));
        if (uint160(hash) != uint160(salt)) revert ISettlementErrors.ExtensionHashMismatch(salt, hash);
    }

    /// @notice Decodes the custom data of an extension of our domain; an empty extension allows anyone and
    /// plans nothing.
    /// @return ok whether the layout is the published one
    /// @return taker the only taker, or zero
    /// @return planned whether a plan word is present
    function decodeExtension(
        bytes calldata extension
    ) internal pure returns (bool ok, address taker, bool planned, uint256 plan) {
        if (extension.length == 0) return (true, address(0), false, 0);
        if (extension.length < 33) return (false, address(0), false, 0);
        uint256 flags = uint8(extension[32]);
        uint256 cursor = 33;
        uint256 length = 33 + (flags & PRIVATE_TAKER != 0 ? 20 : 0) + (flags & FUNDING_PLAN != 0 ? 32 : 0);
        ok =
            bytes32(extension[:32]) == 0 &&
            flags != 0 &&
            flags <= (PRIVATE_TAKER | FUNDING_PLAN) &&
            extension.length == length;
        if (!ok) return (false, address(0), false, 0);
        if (flags & PRIVATE_TAKER != 0) {
            taker = address(bytes20(extension[cursor:cursor + 20]));
            // Zero means "anyone" to the callers: a private order for nobody must not become a public one.
            if (taker == address(0)) return (false, address(0), false, 0);
            cursor += 20;
        }
        planned = flags & FUNDING_PLAN != 0;
        if (planned) plan = uint256(bytes32(extension[cursor:cursor + 32]));
    }
}
