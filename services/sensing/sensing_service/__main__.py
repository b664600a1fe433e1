"""`python -m sensing_service gateway|judge`. Only chooses the process; the apps wire it."""

import sys
from importlib import import_module

_APPS = {"gateway": "sensing_service.gateway.app", "judge": "sensing_service.app"}


def main(arguments: list[str]) -> int:
    """Run the process that is named; only its own libraries are loaded."""
    if len(arguments) != 1 or arguments[0] not in _APPS:
        sys.stderr.write("usage: python -m sensing_service gateway|judge\n")
        return 64
    return int(import_module(_APPS[arguments[0]]).main())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
