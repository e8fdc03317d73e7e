"""The program that makes a tree on a machine. Standard library only, Python 3.8 or later."""
