"""Everything that talks to a node: JSON-RPC, ABIs, feeds, deployment records."""
