"""How many subscriptions one caller may have open."""

from servicekit.caller_limit import CallerLimit


def subscription_limit(most: int) -> CallerLimit:
    """Refuses with TOO_MANY_SUBSCRIPTIONS."""
    return CallerLimit(
        most,
        reason="TOO_MANY_SUBSCRIPTIONS",
        things="subscriptions",
        advice="End those that nobody reads, join several by a wider filter, or come back later.",
    )
