"""pmm: an on-chain proprietary market maker.

Prices a request for quote, signs a 1inch-style order, settles it on Ethereum and hedges it in the same
transaction. Start with ``python -m pmm --help``; the packages below follow the import direction written in
``docs/architecture.md``.
"""

__version__ = "0.1.0"
