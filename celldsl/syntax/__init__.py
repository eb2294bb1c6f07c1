"""Text to syntax tree and back.  In: the text of a `.cell` file.  Out: `ast.File`, or the layout.

    file = parse(Source("gru.cell", text), report)
    text = format_source(text)

Nothing here imports NumPy or Numba.
"""
