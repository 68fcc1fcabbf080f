"""Metrics of the audience service: what its ports see, so that no use case knows of counting."""
