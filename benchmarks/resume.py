"""A table of raw results on disk that a run completes: one row a task."""

import csv

import pandas as pd
from joblib import Parallel, delayed


def read(path):
    """Results so far; a cell that holds "null" is no missing value."""
    return pd.read_csv(path, keep_default_na=False)


def complete(path, fields, tasks, function, jobs):
    """Append the results that are missing.

    Parameters
    ----------
    path : Path
        CSV file; made if there is none.
    fields : sequence of str
        Columns: first those that name a task, then those of its result.
    tasks : iterable of tuple
        In the order of running.
    function : callable
        Called with the parts of a task; returns a tuple of results.
    jobs : int
    """
    tasks = list(tasks)
    new, done = not path.exists(), set()
    if not new and tasks:
        names = list(fields[: len(tasks[0])])
        done = set(map(tuple, read(path)[names].values.tolist()))
    todo = [task for task in tasks if task not in done]
    with path.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(fields)
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
        for row in parallel(delayed(_named)(function, task) for task in todo):
            writer.writerow(row)
            stream.flush()


def _named(function, task):
    return (*task, *function(*task))
