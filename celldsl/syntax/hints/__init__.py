"""What people bring from elsewhere, and mistakes that have words of their own."""
