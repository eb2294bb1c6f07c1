"""Warnings: what is allowed and hardly meant."""
