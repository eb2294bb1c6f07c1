"""LLVM's instructions to machine code, kept on disk and loaded again."""
