"""The operator's API: state, kill switches, keys, sandbox, reload, signer."""
