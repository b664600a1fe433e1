"""`python -m emergency_service`: run the emergency process."""

from emergency_service.app import main

if __name__ == "__main__":
    main()
