"""The program that supervises a job on its machine. Standard library only, Python 3.8 or later."""
