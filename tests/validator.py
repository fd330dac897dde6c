"""The BIDS validator, as tests ask it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def problems(dataset: Path) -> list[str]:
    """What the validator says of a dataset, beyond what bids_validator_config.json lets pass."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    config = REPOSITORY / "bids_validator_config.json"
    done = subprocess.run(
        [validator, "--config", config, "--json", dataset], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert report["summary"]["totalFiles"] > 0
    return sorted(
        f"{issue['severity']} {issue['code']} {issue.get('subCode', '')} {issue.get('location', '')}"
        for issue in report["issues"]["issues"]
        if issue["severity"] != "ignore"
    )
