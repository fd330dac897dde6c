#!/usr/bin/env python3
from qsmrim_app.cli import main

raise SystemExit(main())
