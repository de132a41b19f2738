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
        Instruction sets beyond the family's own, by the names that GCC and Clang give
        them. A processor runs the target if it has all; ``_simd/processor.h`` asks.
    """

    name: str
    header: str
    cpu_family: str
    features: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """What tells GCC or Clang to use the features."""
        if self.cpu_family == "aarch64" and self.features:
            return ("+".join(["-march=armv8.2-a", *self.features]),)
        return tuple(f"-m{feature}" for feature in self.features)


_AVX2 = ("avx2", "popcnt")
_AVX512 = (*_AVX2, "avx512f", "avx512bw", "avx512dq", "avx512vl")
_AVX512_VNNI = (*_AVX512, "avx512vnni", "avx512vpopcntdq")

TARGETS = (
    Target("avx512", "simd_avx512.h", "x86_64", _AVX512_VNNI),
    Target("avx512base", "simd_avx512.h", "x86_64", _AVX512),
    Target("avx2", "simd_avx2.h", "x86_64", _AVX2),
    Target("neon", "simd_neon.h", "aarch64", ("dotprod",)),
    Target("neonbase", "simd_neon.h", "aarch64"),
    Target("scalar", "simd_portable.h", "any"),
)

if __name__ == "__main__":
    for target in TARGETS:
        lists = " ".join(target.features), " ".join(target.flags)
        print(*target[:3], *lists, sep=";")
