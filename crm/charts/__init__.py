"""Charts of reports and explorations, as plain data: pages show them, and a job paints them as pictures."""
