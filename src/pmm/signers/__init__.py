"""Keys outside the quoting process: a signer process behind a unix socket, and AWS KMS."""
