"""Hot reload: read, validate, build everything anew, then swap in one step. A bad file changes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from pmm.errors import PmmError
from pmm.monitoring.events import Events
from pmm.settings import ServeSettings
from pmm.settings_changes import changes


class Reloader:
    """Holds the running settings.

    Args:
        running: what the server was started with.
        load: reads the settings again; raises InvalidInput.
        prepare: builds what depends on the settings and returns the step that puts it in force, which cannot fail.
    """

    def __init__(
        self,
        running: ServeSettings,
        *,
        load: Callable[[], ServeSettings],
        prepare: Callable[[ServeSettings], Callable[[], None]],
        events: Events,
    ) -> None:
        self.running = running
        self._load = load
        self._prepare = prepare
        self._events = events
        self._lock = threading.Lock()

    def reload(self, who: str) -> dict[str, dict[str, Any]]:
        """Put changed settings in force and return them; raise a PmmError, nothing changed, when one is wrong."""
        changed, put_in_force = self._stage(who)
        put_in_force()
        return changed

    async def reload_beside(self, who: str) -> dict[str, dict[str, Any]]:
        """Do the same, reading and building in a thread; the change-over itself is between two requests."""
        changed, put_in_force = await asyncio.to_thread(self._stage, who)
        put_in_force()
        return changed

    def _stage(self, who: str) -> tuple[dict[str, dict[str, Any]], Callable[[], None]]:
        with self._lock:
            try:
                new = self._load()
                changed = changes(self.running, new)
                swap = self._prepare(new)
            except PmmError as error:
                self._events.reload_refused(who=who, fault=str(error))
                raise

        def put_in_force() -> None:
            swap()
            self.running = new
            self._events.settings_reloaded(who=who, changed=changed)

        return changed, put_in_force
