"""Pricing models: found by name, checked for what any model must keep, replayed over journals."""

from pmm.models.conformance import Breach, check_model, sample_inputs
from pmm.models.discovery import ENTRY_POINT_GROUP, find_model, model_names

__all__ = ["ENTRY_POINT_GROUP", "Breach", "check_model", "find_model", "model_names", "sample_inputs"]
