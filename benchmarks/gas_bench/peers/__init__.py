"""Other settlement contracts of signed orders, deployed from what their authors publish."""
