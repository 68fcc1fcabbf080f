"""audiencectl: the command line of both services, the embedded stack, and the demo."""
