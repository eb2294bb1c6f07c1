"""What names stand for, and what was meant by one that stands for nothing."""
