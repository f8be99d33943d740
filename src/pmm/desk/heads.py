"""What wakes the desk, from its settings: new heads over WebSocket, or the clock."""

from __future__ import annotations

from pmm.chain.node_pool import HeadWatch, WatchPolicy
from pmm.desk.scene import Scene
from pmm.errors import InvalidInput
from pmm.sources import node_endpoints


def join_heads(scene: Scene) -> HeadWatch:
    """Return the watch, not started; raises InvalidInput for an address that is no WebSocket's."""
    desk, urls = scene.settings.desk, []
    if desk.websockets is not None:
        urls += [one.strip() for one in desk.websockets.get_secret_value().split(",")]
    if any(not url.startswith(("ws://", "wss://")) for url in urls):
        # Not what was found: it may be a key.
        raise InvalidInput("PMM_DESK_WEBSOCKETS: expected ws:// or wss:// addresses by comma")
    if not scene.identity.development:
        # A provider's node is of mainnet, and knows nothing of a fork.
        found = [one.websocket for one in node_endpoints(scene.settings.sources)]
        urls += [one.get_secret_value() for one in found if one is not None]
    return HeadWatch(
        urls,
        WatchPolicy(
            poll_s=desk.poll_ms / 1000,
            check_s=desk.head_check_ms / 1000,
            quiet_s=desk.head_quiet_ms / 1000,
            lag_s=desk.head_lag_ms / 1000,
        ),
    )
