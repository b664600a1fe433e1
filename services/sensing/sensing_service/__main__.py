"""`python -m sensing_service gateway|judge`. Only chooses the process; `app` wires it."""

import sys

_USAGE = "usage: python -m sensing_service gateway|judge"


def main(arguments: list[str]) -> int:
    """Run the process that is named."""
    if arguments == ["gateway"]:
        from sensing_service.gateway.app import main as gateway

        return gateway()
    if arguments == ["judge"]:
        from sensing_service.app import main as judge

        return judge()
    sys.stderr.write(f"{_USAGE}\n")
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
