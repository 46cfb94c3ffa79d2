"""How kernels are compiled: one arithmetic, one cache.

Of numba's fast arithmetic only fused multiply-add is allowed: infinities and NaN are
results here, since random rules produce both.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.extending import intrinsic as numba_intrinsic

from neuralopt import counter_hash
from neuralopt.language import primitives, tensor_primitives, tensors
from neuralopt.machine import bytecode

Function = TypeVar("Function", bound=Callable[..., Any])

ARITHMETIC: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}


def _compiled(**options: Any) -> Callable[[Function], Function]:
    """numba's decorator with the arithmetic of these files, typed."""

    def decorate(function: Function) -> Function:
        made: Function = numba.njit(**ARITHMETIC, **options)(function)
        return made

    return decorate


compiled = _compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True)
once = _compiled(inline="always")
anew = _compiled(nogil=True)
inlined = _compiled(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry(function: Function) -> Function:
    """Compiled without Python's lock, and kept on disk where that can be written.

    numba watches the file of the entry alone, and the values that its function
    encloses: an entry encloses `SOURCES`, so that a change of any file is noticed.
    """
    assert "sources" in function.__code__.co_freevars, function
    try:
        return _compiled(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no folder for its cache
        return anew(function)


def intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """numba's decorator of functions that write LLVM code, typed."""
    made: Callable[..., Any] = numba_intrinsic(function)
    return made


def digest_of(files: Iterable[Path]) -> int:
    """Of names and contents, as a number that compiled code can hold."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


SOURCES = digest_of(
    [
        *Path(__file__).parent.glob("*.py"),
        *(
            Path(str(module.__file__))
            for module in (
                bytecode,
                counter_hash,
                primitives,
                tensor_primitives,
                tensors,
            )
        ),
    ]
)
"""Of everything that is compiled."""
