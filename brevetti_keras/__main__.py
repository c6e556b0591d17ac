"""`python -m brevetti_keras` is the `brevetti-keras` command."""

from brevetti_keras.cli.main import main

if __name__ == "__main__":
    main()
