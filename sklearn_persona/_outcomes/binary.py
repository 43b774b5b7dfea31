"""Response: a numeric outcome that reaches a threshold or does not."""

from dataclasses import dataclass

from sklearn_persona._outcomes.continuous import Continuous, mean_of

__all__ = ["Response"]


@dataclass(frozen=True)
class Response(Continuous):
    """A binary outcome by threshold; its effect is a difference of response rates.

    Means and intervals by arm stay those of the outcome itself, with the response
    rates beside them.

    Attributes
    ----------
    threshold : float
        A case responds with at least this outcome; with at most this one when lower
        is better.
    """

    threshold: float = 0.0

    def response(self, y):
        """Whether each case responded, shape (n_cases,)."""
        return y >= self.threshold if self.sign > 0 else y <= self.threshold

    def oriented(self, y):
        """1.0 for a response, else 0.0."""
        return self.response(y).astype(float)

    def by_arm(self, units, inside, *, n_bootstrap, random_state):
        """What is reported of the members in each arm; see `Continuous.by_arm`."""
        fields = super().by_arm(
            units, inside, n_bootstrap=n_bootstrap, random_state=random_state
        )
        rates = map(mean_of, units.columns(units.response_by_arm, inside))
        return fields | dict(zip(("rate_treated", "rate_control"), rates))
