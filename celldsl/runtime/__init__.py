"""What runs beside the kernels."""
