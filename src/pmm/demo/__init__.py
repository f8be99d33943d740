"""The main job, end to end: offline mainnet, fork, deployment, quote server, a taker, and the accounts after."""
