"""Run the command line as `python -m ectrain_cli`."""

from ectrain_cli.main import main

if __name__ == "__main__":
    main(prog_name="ectrain")
