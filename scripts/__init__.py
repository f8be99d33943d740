"""Ape scripts. A package, so that one script can import what stands beside another."""
