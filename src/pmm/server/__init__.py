"""The quote server: HTTP in front of the desk, and everything joined together."""
