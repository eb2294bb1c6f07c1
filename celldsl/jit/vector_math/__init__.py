"""Elementary functions that LLVM vectorises."""
