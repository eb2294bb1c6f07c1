"""Values made tensors, and tensors brought to one shape, multiplied, indexed."""
