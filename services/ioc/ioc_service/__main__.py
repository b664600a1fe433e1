"""`python -m ioc_service`: the console of one node."""

import sys

from liandong.errors import ConfigError

from ioc_service.app import run
from ioc_service.settings import ConsoleSettings

if __name__ == "__main__":
    try:
        run(ConsoleSettings())
    except ConfigError as error:
        sys.exit(f"ioc cannot start: {error}")
