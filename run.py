#!/usr/bin/env python3
"""The BIDS App entry point."""

from qsmrim_app.cli import main

raise SystemExit(main())
