"""What editors and highlighters need: words, a Pygments lexer, a TextMate grammar."""
