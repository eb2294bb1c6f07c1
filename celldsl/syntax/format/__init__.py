"""The one canonical layout."""
