from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

_Isa = Literal["auto", "portable", "avx2", "avx512"]
_Words = NDArray[np.uint64]

MOST_CUBE_CELLS: int
MOST_PREFIXES: int
MOST_SLOTS: int

@disjoint_base
class CellTable:
    @property
    def bits(self) -> memoryview: ...
    @property
    def tie_keys(self) -> tuple[NDArray[np.int32], ...]: ...
    @property
    def modality(self) -> NDArray[np.int32]: ...
    @property
    def tuples(self) -> NDArray[np.int32]: ...
    @property
    def tasks(self) -> NDArray[np.int64]: ...
    @property
    def arms(self) -> int: ...
    @property
    def min_variables(self) -> int: ...
    @property
    def max_variables(self) -> int: ...
    @property
    def min_modalities(self) -> int: ...
    @property
    def eligible(self) -> bool: ...
    @property
    def n_tuples(self) -> int: ...
    def __init__(
        self,
        bits: _Words,
        feature: NDArray[np.int32],
        side: NDArray[np.int32],
        cut: NDArray[np.int32],
        modality: NDArray[np.int32],
        n_rows: int,
        *,
        arms: int,
        min_variables: int,
        max_variables: int,
        min_modalities: int,
    ) -> None: ...

@disjoint_base
class Cubes:
    @property
    def table(self) -> CellTable: ...
    @property
    def largest(self) -> NDArray[np.float64]: ...
    @property
    def n_directions(self) -> int: ...
    def __init__(
        self,
        table: CellTable,
        fixed: NDArray[np.int64],
        treated: NDArray[np.bool_] | None,
        scale: float,
        *,
        objective: str,
        signs: Sequence[int],
        least: Sequence[int],
        most: Sequence[int],
        least_members: int,
        isa: _Isa = "auto",
        most_slots: int = ...,
    ) -> None: ...

@disjoint_base
class CubeSearch:
    @property
    def n_evaluated(self) -> int: ...
    @property
    def timed_out(self) -> bool: ...
    @property
    def best(self) -> list[tuple[float, tuple[int, ...]] | None]: ...
    def __init__(
        self,
        cubes: Cubes,
        directions: Sequence[int],
        kept: _Words | None = None,
        max_overlap: float = 1.0,
        incumbent: float = 0.0,
        deadline: float | None = None,
        on_poll: Callable[[float], object] | None = None,
        most_tuples: int | None = None,
    ) -> None: ...
    def poll(self) -> None: ...
    def stop(self) -> None: ...
    def run(self) -> None: ...
