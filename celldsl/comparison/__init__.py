"""How two cells differ: their equations as terms, which of these differ, and words for it."""
