"""The command line. `table.py` lists the commands; each is a plain function in a module of its own."""
