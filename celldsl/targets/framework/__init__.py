"""What targets share that write a cell in the operations of an array library."""
