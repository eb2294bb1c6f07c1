"""Between plans and text: typed statements and expressions."""
