"""The targets of the C kernels, fastest first: the one list of them.

`registry` makes the names of the compiled backends from it. The build runs this file
as a program and compiles ``_simd/kernels.c`` once for every line that the compiler and
the processor family allow; see ``_simd/meson.build``.
"""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """What the C kernels are compiled for.

    Attributes
    ----------
    name : str
        The backend is ``cython-{name}``.
    header : str
        File of ``_simd`` that keeps the contract of ``simd.h``.
    cpu_family : str
        Processor family, as Meson names it, or ``any``.
    features : tuple of str
        Instruction sets beyond the family's own, by the names that GCC's ``-m`` and
        ``__builtin_cpu_supports`` share. A processor runs the target if it has all.
    """

    name: str
    header: str
    cpu_family: str
    features: tuple[str, ...] = ()


_AVX2 = ("avx2", "popcnt")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl")
_AVX512_VNNI = (*_AVX512, "avx512vnni", "avx512vpopcntdq")

TARGETS = (
    Target("avx512", "simd_avx512.h", "x86_64", _AVX512_VNNI),
    Target("avx512base", "simd_avx512.h", "x86_64", _AVX512),
    Target("avx2", "simd_avx2.h", "x86_64", _AVX2),
    Target("scalar", "simd_portable.h", "any"),
)

if __name__ == "__main__":
    for target in TARGETS:
        print(*target[:3], " ".join(target.features), sep=";")
