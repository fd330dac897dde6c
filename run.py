#!/usr/bin/env python3
"""The BIDS App entry point."""

from qsmrim_app.cli import main

if __name__ == "__main__":  # worker processes import this file too
    raise SystemExit(main())
