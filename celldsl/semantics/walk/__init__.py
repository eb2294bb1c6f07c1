"""What one walk over a cell goes by, finds and builds."""
