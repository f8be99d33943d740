"""One module per protocol of the offline mainnet: ``build`` places its contracts, ``seed`` gives it liquidity."""
