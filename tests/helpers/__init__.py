"""Shared by tests of several kinds."""
