"""The offline mainnet: an anvil node with genuine protocol code at the genuine mainnet addresses."""
