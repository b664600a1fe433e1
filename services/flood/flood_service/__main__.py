"""`python -m flood_service`: run the flood process."""

from flood_service.app import main

if __name__ == "__main__":
    main()
