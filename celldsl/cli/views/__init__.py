"""What commands show: text and pictures of a cell."""
