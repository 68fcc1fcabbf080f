"""`python -m clients.audiencectl` is `audiencectl`."""

from clients.audiencectl.main import main

if __name__ == "__main__":
    main()
