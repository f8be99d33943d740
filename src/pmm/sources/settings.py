"""The settings of the sources, where the other sections of the settings tree are."""

from pmm.settings_sources import SourceSettings

__all__ = ["SourceSettings"]
