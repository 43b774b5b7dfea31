"""A single arm: no contrast between treatments, only between inside and outside."""

import numpy as np

from sklearn_persona._designs.parallel import averaged
from sklearn_persona._designs.strata import stratified
from sklearn_persona._designs.units import Units, against_others

__all__ = ["SingleArm"]


class SingleArm(Units):
    """One one-sample unit per participant; several rows of one are averaged.

    The effect of a subgroup is the outcome of its members less that of the others.
    """

    design = "single-arm"
    description = "a single arm: members are compared with everyone else"
    n_labels = 0
    has_arms = False
    adjustable = False

    @classmethod
    def from_cases(cls, cases):
        """Build the units; see `Units.from_cases`."""
        first, row_of, mean = averaged(cases)
        strata = cases.strata[row_of]
        unseen = np.full(len(first), np.nan)
        response = cases.response
        if response is not None:
            response = np.column_stack([mean(response.astype(float)), unseen])
        return cls(
            rows=row_of,
            groups=first,
            strata=strata,
            split_strata=strata,
            outcome=mean(cases.outcome),
            treated=None,
            by_arm=np.column_stack([mean(cases.y), unseen]),
            response_by_arm=response,
            kind=cases.kind,
        )

    def blocks(self):
        """The whole sample; see `Units.blocks`."""
        return [(self.everyone, 1.0)]

    def samples(self, inside):
        """Members and others: their contrast is the effect."""
        return against_others(self.blocks(), inside)

    def spread_samples(self, inside):
        """Members and others; everyone as one sample where they are all members."""
        samples = self.samples(inside)
        if inside.all():
            samples = self.blocks()
        return [cell.units for cell in stratified(samples, self.strata)]

    def columns(self, table, inside):
        """What members and others have; see `Units.columns`."""
        return table[inside, 0], table[~inside, 0]

    def sides(self, inside):
        """Members and others."""
        return inside, ~inside

    def permuted(self, rng, score, exchange):
        """Outcomes exchanged between units; see `Units.permuted`."""
        return score[exchange(rng)], None

    permuted_residuals = permuted

    def arm_sizes(self, labels):
        """Nothing: a single arm has no least size."""
        return {}

    def objective(self, name):
        """The contrast in place of an effect, which has no zero here."""
        return {"auto": "sum-of-squares", "effect": "contrast"}.get(name, name)
