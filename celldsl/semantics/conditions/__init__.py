"""Comparisons of sizes and hyperparameters: what decides an `if`, and what a `require` says."""
