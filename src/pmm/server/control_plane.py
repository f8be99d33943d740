"""Everything around the desk that an operator holds: door, switches, reload, metrics, operator's API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pmm.domain import Address
from pmm.errors import InvalidInput, PmmError, UnsafeToSign
from pmm.execution import (
    NO_STAGES,
    AdmissionDesk,
    ChainView,
    Clock,
    DeskPolicy,
    GuardedSigner,
    NodeIdentity,
)
from pmm.execution.pre_trade_gate import PreTradeGate
from pmm.monitoring.desk_gauges import DeskGauges
from pmm.monitoring.events import Events
from pmm.monitoring.metrics import Metrics
from pmm.relayers.codec import AuthScheme, RelayerProfile
from pmm.server.access.front_door import AccessRules, FrontDoor
from pmm.server.access.keys import Keyring
from pmm.server.health import Health
from pmm.server.hot_path import QuoteRoutes
from pmm.server.operator.api import OperatorParts
from pmm.server.operator.switch_routes import OnChainStop
from pmm.server.refresher import MarketRefresher
from pmm.server.reloader import Reloader
from pmm.server.rotation_desk import SignerRotationDesk
from pmm.server.shape_board import ShapeBoard, ShapeChange
from pmm.server.switch_board import SwitchBoard, SwitchChange
from pmm.settings import ServeSettings

Loader = Callable[[], ServeSettings]
PolicyOf = Callable[[ServeSettings], DeskPolicy]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """The operator's side of a run."""

    events: Events
    keyring: Keyring | None
    board: SwitchBoard
    shape: ShapeBoard
    pre_trade: PreTradeGate
    is_open: bool
    metrics: Metrics | None

    async def on_view(self, view: ChainView, rotation: SignerRotationDesk) -> None:
        """Do what each new block asks for."""
        self.board.tick()
        self.shape.tick()
        self.pre_trade.tick()
        await rotation.on_view(view)

    def close(self) -> None:
        """Close the files."""
        self.board.close()
        self.shape.close()


def open_control_plane(
    settings: ServeSettings, identity: NodeIdentity, switches_file: Path, clock: Clock
) -> ControlPlane:
    """Open keys and switches; ``switches_file`` is where the settings name none.

    Raises UnsafeToSign when a real node would be served without keys, or others can read the key file; SetupError,
    InvalidInput when a file is not what it must be.
    """
    keyring = open_keyring(settings, identity)
    metrics = Metrics()
    events = Events(metrics)

    board = SwitchBoard(
        settings.switches.file or switches_file,
        clock=clock,
        resume_after_s=settings.switches.resume_after_s,
        on_change=switch_watch(events),
    )
    shape = ShapeBoard(board.path.with_suffix(".shape.sqlite"), clock=clock, on_change=shape_watch(events))
    return ControlPlane(
        events=events,
        keyring=keyring,
        board=board,
        shape=shape,
        pre_trade=PreTradeGate(
            clock=clock,
            required=settings.pre_trade,
            max_age_ms=settings.pre_trade_max_age_ms,
            fill_bps=settings.pre_trade_fill_bps,
            on_change=lambda condition: events.pre_trade_changed(condition=condition.value),
        ),
        is_open=keyring is None,
        metrics=metrics if settings.monitoring.metrics else None,
    )


def switch_watch(events: Events) -> Callable[[SwitchChange], None]:
    """Return what logs and counts a change of a switch."""

    def on_change(change: SwitchChange) -> None:
        events.switch_changed(
            level=change.key.level.value,
            name=change.key.name,
            who=change.who,
            why=change.why,
            paused=change.after.is_paused,
            version=change.after.version,
        )

    return on_change


def shape_watch(events: Events) -> Callable[[ShapeChange], None]:
    """Return what logs and counts a change of the shape of quotes."""

    def on_change(change: ShapeChange) -> None:
        events.shape_changed(
            what=change.key.kind.value,
            name=change.key.name,
            setter=change.key.setter.value,
            who=change.who,
            why=change.why,
            value=format(change.after.value, "f"),
            version=change.after.version,
        )

    return on_change


def open_keyring(settings: ServeSettings, identity: NodeIdentity) -> Keyring | None:
    """Return the keys, None for an open development node; raises as :func:`open_control_plane`."""
    path = settings.auth.keys_file
    if path is None:
        if identity.development:
            return None
        raise UnsafeToSign(
            f"expected a key file, because {identity.client_version} is a real node and whoever reaches this server "
            "would get signed orders; found PMM_AUTH_KEYS_FILE unset. Make one with `pmm keys create`"
        )
    keyring = Keyring(path)
    if not keyring.records:
        raise UnsafeToSign(
            f"expected at least one key in {path} that is not revoked, found none; make one with `pmm keys create`"
        )
    return keyring


def front_door(app: QuoteRoutes, plane: ControlPlane, settings: ServeSettings, clock: Clock) -> FrontDoor:
    """Return the outermost layer; raises as :func:`key_headers`."""
    return FrontDoor(
        app,
        keyring=plane.keyring,
        rules=access_rules(settings, is_open=plane.is_open),
        clock=clock,
        watch=plane.events,
        stages=plane.metrics or NO_STAGES,
        relayers=app.relayers.names,
        key_headers=key_headers(app.relayers.profiles),
    )


def key_headers(profiles: Iterable[RelayerProfile]) -> tuple[bytes, ...]:
    """Return the headers in which relayers send their keys; raise InvalidInput where one proves itself otherwise."""
    headers = [b"x-api-key"]
    for profile in profiles:
        asked = profile.authentication
        if asked.scheme is not AuthScheme.API_KEY or not asked.header:
            raise InvalidInput(
                f"relayer {profile.name}: expected authentication by an API key in a header, found "
                f"{asked.scheme.value}; the front door does not enforce that"
            )
        headers.append(asked.header.lower().encode())
    return tuple(dict.fromkeys(headers))


def access_rules(settings: ServeSettings, *, is_open: bool) -> AccessRules:
    """Return the door's bounds."""
    return AccessRules(
        is_open=is_open,
        hmac_skew_ms=settings.auth.hmac_skew_ms,
        rate_per_s=settings.auth.rate_per_s,
        burst=settings.auth.burst,
        failures_per_s=settings.auth.failures_per_s,
        max_body=settings.max_body_bytes,
        body_timeout_s=settings.body_timeout_ms / 1000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSide:
    """What an operator steers: the API's parts, and what the reload swaps."""

    parts: OperatorParts
    target: ReloadTarget
    rotation: SignerRotationDesk


def operator_side(
    plane: ControlPlane,
    settings: ServeSettings,
    *,
    load: Loader,
    health: Health,
    admission: AdmissionDesk,
    refresher: MarketRefresher,
    signer: GuardedSigner,
    clock: Clock,
    policy_of: PolicyOf,
    lanes_of: Callable[[Address], int],
    confirmations: int,
    on_chain: OnChainStop | None,
    sources: tuple[str, ...],
    others: Sequence[tuple[AdmissionDesk, PolicyOf]] = (),
) -> OperatorSide:
    """Join the desks with what steers; raises UnsafeToSign when a rotation wants another signer than this one."""
    if plane.metrics is not None:
        gauges = DeskGauges(admission, view=lambda: refresher.view, clock=clock)
        plane.metrics.registry.register(gauges)
    target = ReloadTarget(admission, plane.board, policy_of, others)
    reloader = Reloader(
        settings,
        # What the start took away, such as flash funding without a hedger, a reload does not bring back.
        load=lambda: load().model_copy(update={"funding_sources": settings.funding_sources}),
        prepare=target.prepare,
        events=plane.events,
    )
    rotation = SignerRotationDesk(
        plane.board.path.with_suffix(".rotation.json"),
        signer=signer,
        book=admission.book,
        lanes_of=lanes_of,
        ttl_s=admission.policy.ttl_s,
        confirmations=confirmations,
    )
    keyring = plane.keyring
    parts = OperatorParts(
        health=health,
        admission=admission,
        market=refresher,
        board=plane.board,
        shape=plane.shape,
        pre_trade=plane.pre_trade,
        reloader=reloader,
        list_keys=lambda: keyring.records if keyring is not None else (),
        metrics=plane.metrics,
        rotation=rotation,
        on_chain=on_chain,
        sources=sources,
    )
    return OperatorSide(parts=parts, target=target, rotation=rotation)


class ReloadTarget:
    """What a reload swaps. The door is there only once the application is built around it."""

    def __init__(
        self,
        admission: AdmissionDesk,
        board: SwitchBoard,
        policy_of: PolicyOf,
        others: Sequence[tuple[AdmissionDesk, PolicyOf]] = (),
    ) -> None:
        self.door: FrontDoor | None = None
        self._desks = ((admission, policy_of), *others)
        self._board = board

    def prepare(self, new: ServeSettings) -> Callable[[], None]:
        """Build the new policies; return the swap, which cannot fail. Raises a PmmError when it cannot be built."""
        policies = [(admission, policy_of(new)) for admission, policy_of in self._desks]

        def swap() -> None:
            for admission, policy in policies:
                admission.policy = policy
                if admission.conditions is not None:
                    admission.conditions.reload(policy.pairs.policies)
                if admission.pre_trade is not None:
                    admission.pre_trade.set_rules(
                        required=new.pre_trade,
                        max_age_ms=new.pre_trade_max_age_ms,
                        fill_bps=new.pre_trade_fill_bps,
                    )
            self._board.resume_after_ms = new.switches.resume_after_s * 1000
            if self.door is not None:
                self.door.set_rates(access_rules(new, is_open=False))

        return swap


async def reload_by_signal(reloader: Reloader) -> None:
    """Reload; what goes wrong is in the log, the old settings stand."""
    with suppress(PmmError):
        await reloader.reload_beside("SIGHUP")
