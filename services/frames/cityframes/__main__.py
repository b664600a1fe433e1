"""`python -m cityframes`."""

from cityframes.cli import main

raise SystemExit(main())
