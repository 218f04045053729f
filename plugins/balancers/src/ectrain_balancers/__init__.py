"""Balancers of the literature, each in a module of its own; see the README for what they cost."""
