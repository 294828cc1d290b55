"""The rows of the papers' tables as plain data: one module per paper, each with a `PAPER`."""
