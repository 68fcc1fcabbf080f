"""The outside world on one HTTP port, simulated: profiles and audience counts of LinkedIn."""
