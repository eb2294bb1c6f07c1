"""The command line.  In: arguments.  Out: files, text and an exit status."""
