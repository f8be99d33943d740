// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlementErrors} from "./ISettlementErrors.sol";
import {ISettlementEvents} from "./ISettlementEvents.sol";

/// @notice Order of 1inch Limit Order Protocol v4, eight words, hashed exactly as they stand in calldata.
/// @dev The address fields are uint256 because 1inch's selectors are computed so; the EIP-712 type string
/// says `address`. Words with dirty upper bits are refused here.
struct Order {
    uint256 salt;
    uint256 maker;
    uint256 receiver;
    uint256 makerAsset;
    uint256 takerAsset;
    uint256 makingAmount;
    uint256 takingAmount;
    uint256 makerTraits;
}

/// @notice The contracts that work for the settlement.
enum ModuleKind {
    HEDGER,
    ROUTER_HOOKS,
    LENDING_ACCOUNT,
    TAKER_PORTAL
}

/// @title Settlement of signed RFQ orders from one maker's inventory
/// @notice Bit tables, roles and invariants stand in contracts/README.md.
/// @dev solc dispatches linearly in the order of selectors, 22 gas per function. Where two names or argument
/// types are equally good, the one whose selector sorts after fillOrder's is taken.
interface IRfqSettlement is ISettlementErrors, ISettlementEvents {
    // ------------------------------------------------------------------ fills

    /// @notice Fills a plain order: no extension, maker asset to the caller, taker asset from the caller.
    /// @dev Selector 0x9fda64bd and calldata equal 1inch's. With msg.value the taker pays ETH for a WETH
    /// taker asset and gets the excess back.
    /// @param r first half of the EIP-2098 signature of a registered signer
    /// @param vs second half; s must lie in the lower half of the curve order
    /// @param amount taking amount, or making amount if bit 255 of `takerTraits` is set (clipped to the
    /// order)
    /// @param takerTraits as 1inch; the threshold guards the other amount
    function fillOrder(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits
    ) external payable returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Fills the whole of a plain order of two core tokens out of packed calldata; same order, same digest.
    /// @dev The salt's low 160 bits are zero, maker is this contract, receiver zero. Not payable.
    /// @param amounts making amount << 128 | taking amount
    /// @param terms table in contracts/README.md
    function fillOrderCompact(
        bytes32 amounts,
        bytes32 terms,
        bytes32 r,
        bytes32 vs
    ) external returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Fills an order with a receiver, an extension or an interaction of the taker's.
    /// @dev Selector 0xf497df75. An order that carries a funding plan is refused with FundedOnly.
    /// @param args `[target 20 bytes if bit 251] || extension || interaction`, no byte more
    function fillOrderArgs(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external payable returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Fills an order whose maker asset comes out of flash funds, as the signed plan says: from one Uniswap V3
    /// pool, or through the hedger.
    /// @dev Not payable and never unwraps. The receiver must be neither the settlement nor whoever holds the ticket: that
    /// pool, or the hedger where it does the fill.
    /// @param args `[target 20 bytes if bit 251] || extension`, no byte more
    function fillOrderFunded(
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice `fillOrderArgs` in the name of `taker`, who called the taker portal; taker portal only.
    /// @dev The taker's leg comes from the taker; the excess of msg.value returns to the portal.
    function fillOrderFor(
        address taker,
        Order calldata order,
        bytes32 r,
        bytes32 vs,
        uint256 amount,
        uint256 takerTraits,
        bytes calldata args
    ) external payable returns (uint256 makingAmount, uint256 takingAmount, bytes32 orderHash);

    /// @notice Pays the cost of a funded fill out of the open ticket; only for whoever the ticket names, once.
    /// @dev The taking amount comes from the taker, `amount` of it goes to `payee`. Reverts with ProfitTooLow when the
    /// rest is below the signed minimum.
    function collect(address payee, uint256 amount) external;

    /// @notice The same for the pool of a flash swap, which asks for the positive one of the two amounts.
    /// @param data not read: the ticket says what the fill is
    function uniswapV3SwapCallback(int256 delta0, int256 delta1, bytes calldata data) external;

    // ------------------------------------------------------------------ modules and operator

    /// @notice Registers hooks, lending account or portal, once and for ever. Owner only; it must serve this contract.
    /// The hedger is part of the code: ModuleAlreadySet.
    function setModule(ModuleKind kind, address module) external;

    /// @notice Counts an amount about to leave through 1inch's contract, if caps are on. Router hooks only.
    function consumeCap(address makerAsset, uint256 making) external;

    /// @notice Sends a registered token to the lending account. Operator or router hooks.
    function moveToLending(address token, uint256 amount) external;

    /// @notice Sells inventory through the hedger, within the oracle band whatever the switch says, and within the
    /// cap if caps are on. Operator or router hooks.
    /// @param minimumOut least amount of `tokenOut`; the band may ask for more
    /// @param plan venue of the swap, as in the plan word of a funded fill
    /// @return amountOut the smaller of what the last pool paid and of what came in
    function swapInventory(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 minimumOut,
        uint256 plan,
        bytes calldata route
    ) external returns (uint256 amountOut);

    // ------------------------------------------------------------------ maker on 1inch

    /// @notice Answers 1inch's contract whether an order of ours is good, from the whole order, not its
    /// digest alone.
    /// @dev Reverts with the same errors as a fill when it is not.
    /// @param hash digest under 1inch's domain
    /// @param signature 128 bytes: amounts, terms (as `fillOrderCompact`), r, vs; or 232 packed bytes: salt,
    /// makerAsset (20), takerAsset (20), makingAmount, takingAmount, makerTraits, r, vs, and behind them the
    /// extension with our hooks, if there is one
    /// @return magicValue 0x1626ba7e
    function isValidSignature(
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bytes4 magicValue);

    /// @notice Sets the finite allowance of the 1inch contract; the guardian may set zero only.
    function setRouterAllowance(address token, uint128 amount) external;

    /// @notice Kills the nonce of one order of ours on 1inch's contract. Owner or guardian.
    function cancelOnRouter(uint256 makerTraits, bytes32 orderHash) external;

    /// @notice Kills the nonce in `makerTraits` and those in `mask` (same block of 256) on 1inch's contract.
    function cancelMaskOnRouter(uint256 makerTraits, uint256 mask) external;

    // ------------------------------------------------------------------ signers and lanes

    /// @notice Authorises the signer on lanes 0 to `count` - 1, at most 64. Owner only; lanes are never taken
    /// away.
    function initLanes(address signer, uint256 count) external;

    // The four cancel calls are open to owner, guardian, and the signer itself.

    /// @notice Stops every fill of the signer's orders on both venues. Owner or guardian.
    function pauseSigner(address signer) external;

    /// @notice Pauses every active signer. Owner or guardian.
    function pauseSigners() external;

    /// @notice Lets a paused signer's orders be filled again. Owner only.
    function resumeSigner(address signer) external;

    /// @notice Withdraws the authorisation of a signer and voids all it signed; `initLanes` brings it back.
    function revokeSigner(address signer) external;

    /// @notice Raises the epoch of all lanes of the signer: every order signed before is void on both venues.
    function cancelAllLanes(address signer) external;

    /// @notice Raises the epoch of one lane.
    function cancelLane(address signer, uint40 lane_) external;

    /// @notice Voids one nonce as a fill would: beyond the window it slides it. No-op when it is already
    /// dead.
    /// @param position signer << 80 | lane << 40 | nonce
    function cancelNonce(uint240 position) external;

    /// @notice Voids the nonce of `position` plus i for every bit i of `mask`, sliding the window if the
    /// highest of them lies beyond it.
    /// @param position signer << 80 | lane << 40 | first nonce
    function cancelWindow(uint240 position, uint168 mask) external;

    // ------------------------------------------------------------------ owner

    /// @notice Starts a change of owner; the new one must accept.
    function transferOwnership(address newOwner) external;
    function acceptOwnership() external;
    function setGuardian(address newGuardian) external;
    function setOperator(address newOperator) external;
    /// @notice Switches the oracle band (bit 0) and the caps (bit 1). Owner; the guardian may only switch on.
    function setGuards(uint32 guards) external;
    /// @notice Sets how much of a token may leave, in base units; what was used before is forgotten.
    /// @param perBlock per block
    /// @param perWindow in any span of `windowSeconds`
    /// @param windowSeconds 1 to 1,048,575
    function setCap(address token, uint256 perBlock, uint256 perWindow, uint40 windowSeconds) external;
    /// @notice Sets the Chainlink feed of a token in the currency all feeds share; zero takes it away. The decimals
    /// of both are read now and never again.
    function setFeed(address token, address feed, uint40 heartbeatSeconds) external;
    /// @notice Sets the band of a pair in units of 5 bps: 0 no fill, 255 no limit. At least one is a core token.
    /// Owner; the guardian may only lower it.
    function setBand(address tokenA, address tokenB, uint8 units) external;
    /// @notice Lets a token be traded. Fee-on-transfer, rebasing and callback tokens must not be registered.
    function registerToken(address token) external;
    /// @notice Stops every fill that involves the token, on both venues. Owner or guardian.
    function unregisterToken(address token) external;
    /// @notice Sets how many seconds ahead an order may expire, 1 to 65,535.
    function setMaxExpiry(uint64 seconds_) external;
    /// @notice Moves inventory out; token zero means ETH.
    function withdraw(address token, address to, uint256 amount) external;

    // ------------------------------------------------------------------ views

    /// @notice Digest of an order under this contract's domain.
    function hashOrder(Order calldata order) external view returns (bytes32);
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    /// @notice What a making amount is worth in the taker asset at both feeds' answers, rounded down.
    /// @dev Reverts with NoFeed, FeedFailed, BadAnswer or StaleAnswer.
    function fairTakingAmount(
        address makerAsset,
        address takerAsset,
        uint256 makingAmount
    ) external view returns (uint256);
    /// @notice Raw words, tables in contracts/README.md; `SettlementLens` reads them for people.
    function laneWord(address signer, uint64 lane_) external view returns (uint256);
    function policyWord() external view returns (uint256);
    function capWord(address token) external view returns (uint256);
    function priceWord(address token) external view returns (uint256);
    /// @notice Whether a fill is running.
    function isLocked() external view returns (bool);
    /// @notice How many lanes the signer has, authorised or not.
    function numberOfLanes(address signer) external view returns (uint256);
    /// @notice Signers that are neither revoked nor unknown.
    function signerList() external view returns (address[] memory);
    function isRegistered(address token) external view returns (bool);
    function coreTokens() external view returns (address[] memory);
    /// @notice How many seconds ahead an order may expire.
    function maxExpiry() external view returns (uint256);
    function owner() external view returns (address);
    function pendingOwner() external view returns (address);
    function guardian() external view returns (address);
    function operator() external view returns (address);
    function hedger() external view returns (address);
    function routerHooks() external view returns (address);
    function lendingAccount() external view returns (address);
    function takerPortal() external view returns (address);
    function weth() external view returns (address);
    function oneInchRouter() external view returns (address);
}
