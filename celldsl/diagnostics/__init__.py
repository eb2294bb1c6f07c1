"""What is wrong with a file, said well.  In: spans and sentences.  Out: text and JSON."""
