"""The command line's commands, one module each; a door like the pages and the API. `crm.__main__` gathers them."""
