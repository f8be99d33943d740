"""Who may ask for what, how often and how much: keys, signed requests, roles, rates, sizes."""
