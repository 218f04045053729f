"""Train one shared trunk on many tasks."""

__version__ = "0.1.0"
