"""From checked arrays to results: batches, buffers, sequences, steps, streams."""
