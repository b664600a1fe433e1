"""One process of the mill for tests: worker.py SETTINGS_JSON [FAIL_POINT HITS]. It kills itself at the fail point."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import mill
from liandong.settings import Settings
from liandong.stream import failpoints
from liandong.stream.run import run_service
from liandong.stream.tuning import Tuning


def main() -> None:
    fields = json.loads(sys.argv[1])
    tuning = Tuning(**fields.pop("tuning", {}))
    if len(sys.argv) > 2:
        failpoints.arm(sys.argv[2], int(sys.argv[3]))
    run_service(mill.make(), Settings.model_validate(fields), codec=mill.codec(), tuning=tuning)


if __name__ == "__main__":
    main()
