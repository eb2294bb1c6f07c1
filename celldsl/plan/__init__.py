"""Programs to Plans: what is a GEMM, what is fused, where values lie."""
