"""What is measured, and the programs that are measured: see README.md."""
