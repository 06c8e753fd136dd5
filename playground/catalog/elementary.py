"""float32 exp, log and tanh as short polynomials, which compiled loops run sixteen numbers at a time.

Numba's wheels carry no vector math library, so ``np.exp`` in a compiled loop is one library call per element.
These forms are only additions, multiplications and bit moves: LLVM turns a loop over them into vector code.
They are ordinary Python functions of one ``np.float32``; ``kernels/compiling.py`` makes them callable from kernels.
"""

from __future__ import annotations

import numpy as np

ZERO = np.float32(0.0)
HALF = np.float32(0.5)
ONE = np.float32(1.0)
INFINITY = np.float32(np.inf)
TWO = np.float32(2.0)
# Below 2⁻¹²⁶ a probability is treated as zero, so that its logarithm stays finite.
TINY = np.float32(1.1754944e-38)

_MANTISSA_BITS = np.int32(23)
_MANTISSA_MASK = np.int32(0x007FFFFF)
_HALF_BITS = np.int32(0x3F000000)


def exp(x):
    """eˣ to 1 part in 10⁷; below −87 and above 88 it stays at the end of float32's range.

    Splits x = n·ln 2 + r, so that eˣ = 2ⁿ·eʳ with |r| ≤ ln 2 / 2; 2ⁿ is written straight into the exponent bits.
    Coefficients: S. Moshier, Cephes Math Library 2.2 (1992), ``expf``.
    """
    # min and max in this order keep NaN, so that a broken run is seen.
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    n = np.floor(x * np.float32(1.44269504) + HALF)
    # ln 2 in two parts: the first has few bits, so n times it is exact.
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + ONE
    return p * np.int32((np.int32(n) + np.int32(127)) << _MANTISSA_BITS).view(np.float32)


def log(x):
    """Natural logarithm of x > 0 to 1 part in 10⁷; below 2⁻¹²⁶ it stays at −87.3.

    Splits x = 2ᵉ·m with m in [√½, √2), then a polynomial in m − 1.
    Coefficients: S. Moshier, Cephes Math Library 2.2 (1992), ``logf``.
    """
    bits = np.float32(max(x, TINY)).view(np.int32)
    exponent = np.float32((bits >> _MANTISSA_BITS) - np.int32(126))
    m = np.int32((bits & _MANTISSA_MASK) | _HALF_BITS).view(np.float32)
    # 1 where m must be doubled to reach [√½, √2), else 0.
    below = np.float32(m < np.float32(0.70710678))
    exponent = exponent - below
    m = m + below * m - ONE
    p = np.float32(7.0376836292e-2)
    p = p * m + np.float32(-1.1514610310e-1)
    p = p * m + np.float32(1.1676998740e-1)
    p = p * m + np.float32(-1.2420140846e-1)
    p = p * m + np.float32(1.4249322787e-1)
    p = p * m + np.float32(-1.6668057665e-1)
    p = p * m + np.float32(2.0000714765e-1)
    p = p * m + np.float32(-2.4999993993e-1)
    p = p * m + np.float32(3.3333331174e-1)
    square = m * m
    tail = p * m * square + exponent * np.float32(-2.12194440e-4) - HALF * square
    result = m + tail + exponent * np.float32(0.693359375)
    # The bit moves above lose NaN and infinity; a broken run must stay visible.
    return result if x < INFINITY else x


def tanh(x):
    """Hyperbolic tangent to 3 parts in 10⁷, as a ratio of two polynomials in x².

    Beyond ±7.9 the result is ±1 in float32. The coefficients are the minimax rational approximation that Eigen
    (``MathFunctionsImpl.h``, ``ptanh_float``) and XLA use.
    """
    x = min(max(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    s = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * s + np.float32(2.00018790482477e-13)
    p = p * s + np.float32(-8.60467152213735e-11)
    p = p * s + np.float32(5.12229709037114e-08)
    p = p * s + np.float32(1.48572235717979e-05)
    p = p * s + np.float32(6.37261928875436e-04)
    p = p * s + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * s + np.float32(1.18534705686654e-04)
    q = q * s + np.float32(2.26843463243900e-03)
    q = q * s + np.float32(4.89352518554385e-03)
    return x * p / q


ELEMENTARY = (exp, log, tanh)
