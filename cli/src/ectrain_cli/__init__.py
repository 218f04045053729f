"""The command line of ectrain."""
