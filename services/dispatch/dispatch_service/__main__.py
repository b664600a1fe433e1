"""`python -m dispatch_service`: run the dispatch process."""

from dispatch_service.app import main

if __name__ == "__main__":
    main()
