"""Where the desk hedges: routes that say what a hedge costs there, and accounts that carry it out."""
