"""`python -m crm bench`: times the work that people wait for, on a database of its own. A door like the command line."""
