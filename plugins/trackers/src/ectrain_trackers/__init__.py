"""Observers that hand a run's figures to other tools; each is a module of its own."""
