"""One process of the mill: python -m tests.integration.stream.worker OPTIONS, run from the repository's root."""

import json
import sys
from datetime import timedelta

from liandong.settings import Settings
from liandong.stream import failpoints
from liandong.stream.run import run_service
from liandong.stream.tuning import Tuning

from tests.support import mill

from .mutants import MUTANTS


def main() -> None:
    """Run until SIGTERM, or until the fail point of the options is hit."""
    options = json.loads(sys.argv[1])
    if options["fail"]:
        failpoints.arm(*options["fail"])
    if options["mutant"]:
        MUTANTS[options["mutant"]](setattr)
    service = mill.make(timedelta(milliseconds=options["delay_ms"]))
    settings = Settings.model_validate(options["settings"])
    run_service(service, settings, codec=mill.codec(), tuning=Tuning(**options["tuning"]))


if __name__ == "__main__":
    main()
