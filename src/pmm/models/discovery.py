"""Models by name: the built-in one, and those of installed packages (entry points, group ``pmm.quote_models``)."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from pmm.errors import InvalidInput
from pmm.pricing import STANDARD, QuoteModel, StandardModel

ENTRY_POINT_GROUP = "pmm.quote_models"
_METHODS = ("offers", "levels")


def model_names() -> tuple[str, ...]:
    """Return the names of all models that are installed."""
    return (STANDARD, *sorted(_found()))


def find_model(name: str = STANDARD) -> QuoteModel:
    """Return a model; raise InvalidInput when there is none of that name or what is there is no model."""
    if name == STANDARD:
        return StandardModel()
    entry = _found().get(name)
    if entry is None:
        raise InvalidInput(
            f"model: expected one of {', '.join(model_names())}, found {name!r}; install the package that offers it "
            f"under the entry point group {ENTRY_POINT_GROUP}"
        )
    try:
        loaded = entry.load()
        model = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:
        # Somebody else's module: whatever it raises on loading, the user must learn which one it was.
        raise InvalidInput(f"model {name}: {entry.value} could not be loaded: {error!r}") from error
    return checked_model(model, name)


def checked_model(model: object, name: str) -> QuoteModel:
    """Return the model if it has what a model must have; raise InvalidInput otherwise."""
    missing = [method for method in _METHODS if not callable(getattr(model, method, None))]
    found = getattr(model, "name", None)
    if missing or found != name:
        lacks = f"lacks {', '.join(missing)}" if missing else f"calls itself {found!r}"
        raise InvalidInput(f"model {name}: expected a QuoteModel of that name, found one that {lacks}")
    return model  # type: ignore[return-value]


def _found() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP) if entry.name != STANDARD}
