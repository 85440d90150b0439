"""What the page Templates and the Write dialog of a lead draw."""
