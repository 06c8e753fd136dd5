"""float32 exp, log, tanh, sin, cos and a few more as short polynomials, which compiled loops run sixteen numbers at a time.

Numba's wheels carry no vector math library, so ``np.exp`` in a compiled loop is one library call per element.
These forms are only additions, multiplications and bit moves: LLVM turns a loop over them into vector code.
They are ordinary Python functions of one ``np.float32``; ``kernels/compiling.py`` makes them callable from kernels.

Kernels also call them with several numbers side by side (``kernels/simd/vectors.py``). An ``if`` can't go two ways at
once, so the whole catalog chooses with `where`, and the few moves that aren't arithmetic are the `PRIMITIVES` below.
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


def where(condition, a, b):
    """``a`` where the condition holds, else ``b``; both are computed."""
    return a if condition else b


def floor(x):
    """The next whole number below."""
    return np.floor(x)


def sqrt(x):
    """The square root."""
    return np.sqrt(x)


def power_of_two(x):
    """2ˣ for a whole number −126 … 127, written straight into the exponent bits."""
    return np.int32((np.int32(x) + np.int32(127)) << _MANTISSA_BITS).view(np.float32)


def exponent(x):
    """e of x = m · 2ᵉ with m in [½, 1), for x from 2⁻¹²⁶ on."""
    return np.float32((np.float32(x).view(np.int32) >> _MANTISSA_BITS) - np.int32(126))


def mantissa(x):
    """m of x = m · 2ᵉ with m in [½, 1), for x from 2⁻¹²⁶ on."""
    return np.int32((np.float32(x).view(np.int32) & _MANTISSA_MASK) | _HALF_BITS).view(np.float32)


# What has a form of its own for numbers side by side; everything else is made of these and of arithmetic.
PRIMITIVES = (where, floor, sqrt, power_of_two, exponent, mantissa)


def maximum(a, b):
    """The larger one; where ``a`` is not a number, neither is the result, so that a broken run is seen."""
    return where(a < b, b, a)


def minimum(a, b):
    """The smaller one; where ``a`` is not a number, neither is the result."""
    return where(a > b, b, a)


def exp(x):
    """eˣ to 1 part in 10⁷; below −87 and above 88 it stays at the end of float32's range.

    Splits x = n·ln 2 + r, so that eˣ = 2ⁿ·eʳ with |r| ≤ ln 2 / 2.
    Coefficients: S. Moshier, Cephes Math Library 2.2 (1992), ``expf``.
    """
    x = minimum(maximum(x, np.float32(-87.0)), np.float32(88.0))
    n = floor(x * np.float32(1.44269504) + HALF)
    # ln 2 in two parts: the first has few bits, so n times it is exact.
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + ONE
    return p * power_of_two(n)


def log(x):
    """Natural logarithm of x > 0 to 1 part in 10⁷; below 2⁻¹²⁶ it stays at −87.3.

    Splits x = 2ᵉ·m with m in [√½, √2), then a polynomial in m − 1.
    Coefficients: S. Moshier, Cephes Math Library 2.2 (1992), ``logf``.
    """
    normal = maximum(x, TINY)
    e, m = exponent(normal), mantissa(normal)
    # 1 where m must be doubled to reach [√½, √2), else 0.
    below = where(m < np.float32(0.70710678), ONE, ZERO)
    e = e - below
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
    tail = p * m * square + e * np.float32(-2.12194440e-4) - HALF * square
    result = m + tail + e * np.float32(0.693359375)
    # The bit moves above lose NaN and infinity; a broken run must stay visible.
    return where(x < INFINITY, result, x)


def tanh(x):
    """Hyperbolic tangent to 3 parts in 10⁷, as a ratio of two polynomials in x².

    Beyond ±7.9 the result is ±1 in float32. The coefficients are the minimax rational approximation that Eigen
    (``MathFunctionsImpl.h``, ``ptanh_float``) and XLA use.
    """
    x = minimum(maximum(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
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


def log_one_plus(u):
    """log(1 + u) for 0 ≤ u ≤ 1 to 2 parts in 10⁷, also where 1 + u would lose u's digits.

    log(1 + u) = 2·artanh(s) with s = u / (2 + u) ≤ ⅓, and artanh(s) = s + s³/3 + s⁵/5 + … (M. Abramowitz, I. Stegun:
    Handbook of Mathematical Functions, 1964, 4.1.27).
    """
    s = u / (TWO + u)
    square = s * s
    p = np.float32(1 / 15)
    p = p * square + np.float32(1 / 13)
    p = p * square + np.float32(1 / 11)
    p = p * square + np.float32(1 / 9)
    p = p * square + np.float32(1 / 7)
    p = p * square + np.float32(1 / 5)
    p = p * square + np.float32(1 / 3)
    return TWO * (s + s * square * p)


def normal_share(z):
    """Share of the standard normal distribution below z, to 3 parts in 10⁷ also far below 0, where it is tiny.

    Φ(−|z|) = ½·erfc(|z| / √2), with erfc(x) = t·exp(−x² + polynomial in t), t = 1 / (1 + x / 2). The coefficients are the
    Chebyshev fit of W. Press et al.: Numerical Recipes, 1992, section 6.2.
    """
    x = abs(z) * np.float32(0.70710678)
    t = ONE / (ONE + HALF * x)
    p = np.float32(0.17087277)
    p = p * t + np.float32(-0.82215223)
    p = p * t + np.float32(1.48851587)
    p = p * t + np.float32(-1.13520398)
    p = p * t + np.float32(0.27886807)
    p = p * t + np.float32(-0.18628806)
    p = p * t + np.float32(0.09678418)
    p = p * t + np.float32(0.37409196)
    p = p * t + np.float32(1.00002368)
    p = p * t + np.float32(-1.26551223)
    # Two exponentials rather than one of the sum: how x² is rounded would decide about the result's last digits.
    below = HALF * t * exp(p) * exp(-(x * x))
    return where(z < ZERO, below, ONE - below)


HALF_PI = np.float32(np.pi / 2)


def _sine_of_remainder(x, turns, half_turns):
    """sin(x − turns·π)·(−1)^half_turns, for a remainder within ±π/2."""
    # π in three parts of few bits, so that the products with a whole or half number up to 10⁴ are exact.
    r = x - turns * np.float32(3.140625)
    r = r - turns * np.float32(9.67502593994140625e-4)
    r = r - turns * np.float32(1.509957990978376e-7)
    # Far out, where float32 has no digits left for the remainder, the result must still be a sine's.
    r = minimum(maximum(r, -HALF_PI), HALF_PI)
    s = r * r
    # Taylor's series to r¹¹: 6 parts in 10⁸ at ±π/2.
    p = np.float32(-2.5052108e-8)
    p = p * s + np.float32(2.7557319e-6)
    p = p * s + np.float32(-1.9841270e-4)
    p = p * s + np.float32(8.3333333e-3)
    p = p * s + np.float32(-1.6666667e-1)
    odd = half_turns - TWO * floor(half_turns * HALF)
    return (r + r * s * p) * (ONE - TWO * odd)


def sin(x):
    """Sine to 2 parts in 10⁷ of its range for |x| ≤ 10⁴.

    Splits x = n·π + r with |r| ≤ π/2; π in parts after W. Cody, W. Waite: Software Manual for the Elementary Functions,
    1980.
    """
    n = floor(x * np.float32(0.31830989) + HALF)
    return _sine_of_remainder(x, n, n)


def cos(x):
    """Cosine to 2 parts in 10⁷ of its range for |x| ≤ 10⁴: −sin r where x = (n + ½)·π + r, times (−1)ⁿ."""
    n = floor(x * np.float32(0.31830989))
    return -_sine_of_remainder(x, n + HALF, n)


ELEMENTARY = (exp, log, tanh, log_one_plus, normal_share, _sine_of_remainder, sin, cos)
# What must be computed step by step, in the order written: remainders, and exponents whose last digits decide.
AS_WRITTEN = (normal_share, _sine_of_remainder, sin, cos)
