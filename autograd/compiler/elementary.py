"""LLVM instructions for the functions of one number that a fused loop may hold.

Each is written without branches, so that the loop around it runs on vectors: 8 or 16 numbers at once. exp, log and tanh are
therefore our own: a range reduction and a polynomial, within 5 units in the last place, for infinities and NaN what
NumPy gives. What is not in `OPS` stays a NumPy call between the loops.

Sources: coefficients of exp (float32) and tanh (float64) from Moshier's Cephes library, of log from FreeBSD's e_logf.c and
e_log.c; those of tanh (float32) are fitted for the least relative error from 0 to 9.2 with Lawson's weights; both
polynomials begin with 1, so that small numbers stay what they are; exp (float64) is Taylor's series to 1/13!.
"""

import math
import struct
from collections.abc import Callable

import numpy as np

__all__ = ["FLAGS", "OPS", "SUMMED", "Code"]

FLAGS = "contract nsz"  # fused multiply-add, and 0 for −0; in the user's order, or x · 1e300 · 1e300 could be 0 · inf
SUMMED = f"reassoc {FLAGS}"  # of sums: in any order. NaN and inf stay
WIDTH = {"float": 32, "double": 64}
MANTISSA = {"float": 23, "double": 52}


class Code:
    """The instructions of a function: new("fadd float %x, %y") appends one and gives the name of its result."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self.count = 0

    def fresh(self) -> int:
        """A number that no other name has."""
        self.count += 1
        return self.count

    def new(self, instruction: str) -> str:
        name = f"%v{self.fresh()}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def call(self, name: str, kind: str, *operands: str, flags: str = "") -> str:
        """An intrinsic function of LLVM: call("sqrt", "float", x)."""
        full = f"@llvm.{name}.f{WIDTH[kind]}"
        self.declared.add(f"declare {kind} {full}({', '.join([kind] * len(operands))})")
        return self.new(f"call {flags} {kind} {full}({', '.join(f'{kind} {x}' for x in operands)})")

    def fma(self, kind: str, x: str, y: str, z: str) -> str:
        """x · y + z, rounded once where the processor can."""
        return self.call("fmuladd", kind, x, y, z)

    def horner(self, kind: str, x: str, coefficients: tuple[float, ...]) -> str:
        """The polynomial with these coefficients, the highest power first."""
        value = literal(coefficients[0], kind)
        for c in coefficients[1:]:
            value = self.fma(kind, value, x, literal(c, kind))
        return value

    def select(self, condition: str, kind: str, x: str, y: str) -> str:
        return self.new(f"select i1 {condition}, {kind} {x}, {kind} {y}")

    def compare(self, how: str, kind: str, x: str, y: str) -> str:
        return self.new(f"fcmp {how} {kind} {x}, {y}")

    def bounded(self, kind: str, x: str, low: str = "", high: str = "") -> str:
        """x between bounds, NaN for NaN: one instruction each, where a maximum that must give NaN for any takes four."""
        x = self.select(self.compare("ogt", kind, x, high), kind, high, x) if high else x
        return self.select(self.compare("olt", kind, x, low), kind, low, x) if low else x

    def power_of_two(self, kind: str, exponent: str) -> str:
        """2 ** exponent for an integer in the range of normal numbers."""
        bits, integer = MANTISSA[kind], f"i{WIDTH[kind]}"
        bias = 127 if kind == "float" else 1023
        moved = self.new(f"shl {integer} {self.new(f'add {integer} {exponent}, {bias}')}, {bits}")
        return self.new(f"bitcast {integer} {moved} to {kind}")


def literal(x: float, kind: str) -> str:
    """A number as LLVM writes it: the bits of the double that equals it."""
    with np.errstate(over="ignore"):
        exact = float(np.float32(x)) if kind == "float" else float(x)
    return "0x" + struct.pack(">d", exact).hex().upper()


def _bits(x: float, kind: str) -> int:
    return int(
        np.array(x, np.float32 if kind == "float" else np.float64).view(np.int32 if kind == "float" else np.int64)
    )


ROUND = {"float": 1.5 * 2.0**23, "double": 1.5 * 2.0**52}  # adding this rounds to an integer, found in the lowest bits
LN2 = {"float": (0.693359375, -2.12194440e-4), "double": (6.93147180369123816490e-01, 1.90821492927058770002e-10)}
EXP = {
    "float": (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
    "double": tuple(1.0 / math.factorial(n) for n in range(13, 1, -1)),
}
EXP_RANGE = {"float": (-104.0, 89.0), "double": (-746.0, 710.0)}


def exp(c: Code, kind: str, x: str) -> str:
    """2^n · e^r with n the nearest integer to x / ln 2."""
    low, high = (literal(bound, kind) for bound in EXP_RANGE[kind])
    x = c.bounded(kind, x, low, high)
    shifted = c.fma(kind, x, literal(math.log2(math.e), kind), literal(ROUND[kind], kind))
    n = c.new(f"fsub {kind} {shifted}, {literal(ROUND[kind], kind)}")
    r = c.fma(kind, n, literal(-LN2[kind][1], kind), c.fma(kind, n, literal(-LN2[kind][0], kind), x))
    square = c.new(f"fmul {kind} {r}, {r}")
    y = c.new(f"fadd {kind} {c.fma(kind, c.horner(kind, r, EXP[kind]), square, r)}, {literal(1.0, kind)}")
    integer = f"i{WIDTH[kind]}"
    whole = c.new(f"sub {integer} {c.new(f'bitcast {kind} {shifted} to {integer}')}, {_bits(ROUND[kind], kind)}")
    half = c.new(f"ashr {integer} {whole}, 1")  # in two steps: 2^n itself may lie outside the normal numbers
    rest = c.new(f"sub {integer} {whole}, {half}")
    y = c.new(f"fmul {kind} {y}, {c.power_of_two(kind, half)}")
    return c.new(f"fmul {kind} {y}, {c.power_of_two(kind, rest)}")


LOG = {
    "float": (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693),
    "double": (1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
               2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01),
}  # fmt: skip


def log(c: Code, kind: str, x: str) -> str:
    """k · ln 2 + 2 atanh(s), s = f / (2 + f), where x = 2^k (1 + f) and 1 + f lies between √½ and √2."""
    integer, bits, zero, one = f"i{WIDTH[kind]}", MANTISSA[kind], literal(0.0, kind), literal(1.0, kind)
    tiny = 2.0**-126 if kind == "float" else 2.0**-1022
    small = c.compare("olt", kind, x, literal(tiny, kind))
    scaled = c.select(small, kind, c.new(f"fmul {kind} {x}, {literal(2.0**bits, kind)}"), x)
    pattern = c.new(f"bitcast {kind} {scaled} to {integer}")
    offset = _bits(1.0, kind) - _bits(math.sqrt(0.5), kind)
    moved = c.new(f"add {integer} {pattern}, {offset}")
    bias = 127 if kind == "float" else 1023
    exponent = c.new(f"sub {integer} {c.new(f'ashr {integer} {moved}, {bits}')}, {bias}")
    lower = c.new(f"select i1 {small}, {integer} {bits}, {integer} 0")
    k = c.new(f"sitofp {integer} {c.new(f'sub {integer} {exponent}, {lower}')} to {kind}")
    kept = c.new(f"and {integer} {moved}, {(1 << bits) - 1}")
    mantissa = c.new(f"bitcast {integer} {c.new(f'add {integer} {kept}, {_bits(math.sqrt(0.5), kind)}')} to {kind}")
    f = c.new(f"fsub {kind} {mantissa}, {one}")
    s = c.new(f"fdiv {kind} {f}, {c.new(f'fadd {kind} {f}, {literal(2.0, kind)}')}")
    z = c.new(f"fmul {kind} {s}, {s}")
    series = c.new(f"fmul {kind} {z}, {c.horner(kind, z, LOG[kind])}")
    half = c.new(f"fmul {kind} {c.new(f'fmul {kind} {f}, {f}')}, {literal(0.5, kind)}")
    inner = c.fma(
        kind, s, c.new(f"fadd {kind} {half}, {series}"), c.new(f"fmul {kind} {k}, {literal(LN2[kind][1], kind)}")
    )
    rest = c.new(f"fsub {kind} {c.new(f'fsub {kind} {half}, {inner}')}, {f}")
    y = c.new(f"fsub {kind} {c.new(f'fmul {kind} {k}, {literal(LN2[kind][0], kind)}')}, {rest}")
    infinity = literal(math.inf, kind)
    y = c.select(c.compare("oeq", kind, x, infinity), kind, infinity, y)
    y = c.select(c.compare("oeq", kind, x, zero), kind, literal(-math.inf, kind), y)
    return c.select(c.compare("ult", kind, x, zero), kind, literal(math.nan, kind), y)


TANH_END = 9.02  # from there on it is 1 in float32
TANH_ODD = (1.3067552373513536e-08, 2.0406903786351904e-05, 0.0034835434053093195, 0.13370974361896515, 1.0)
TANH_EVEN = (7.660503342776792e-07, 0.00032657606061547995, 0.02583143673837185, 0.4670428931713104, 1.0)
TANH_TOP = (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3)
TANH_BOTTOM = (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3)


def tanh(c: Code, kind: str, x: str) -> str:
    """Odd over even polynomial; in float64 beyond 0.625 1 − 2 / (e^2x + 1)."""
    if kind == "float":
        end, one = literal(TANH_END, kind), literal(1.0, kind)
        x = c.bounded(kind, x, literal(-TANH_END, kind), end)
        z = c.new(f"fmul {kind} {x}, {x}")
        top = c.new(f"fmul {kind} {x}, {c.horner(kind, z, TANH_ODD)}")
        ratio = c.new(f"fdiv {kind} {top}, {c.horner(kind, z, TANH_EVEN)}")
        return c.bounded(kind, ratio, literal(-1.0, kind), one)  # a unit can saturate wholly, and not more
    z = c.new(f"fmul {kind} {x}, {x}")
    ratio = c.new(f"fdiv {kind} {c.horner(kind, z, TANH_TOP)}, {c.horner(kind, z, TANH_BOTTOM)}")
    near = c.fma(kind, c.new(f"fmul {kind} {x}, {z}"), ratio, x)
    size = c.call("fabs", kind, x)
    e = exp(c, kind, c.new(f"fadd {kind} {size}, {size}"))
    part = c.new(f"fdiv {kind} {literal(2.0, kind)}, {c.new(f'fadd {kind} {e}, {literal(1.0, kind)}')}")
    far = c.call("copysign", kind, c.new(f"fsub {kind} {literal(1.0, kind)}, {part}"), x)
    return c.select(c.compare("olt", kind, size, literal(0.625, kind)), kind, near, far)


def _instruction(name: str) -> Callable[..., str]:
    return lambda c, kind, x, y: c.new(f"{name} {FLAGS} {kind} {x}, {y}")


def _intrinsic(name: str, flags: str = "") -> Callable[..., str]:
    return lambda c, kind, *operands: c.call(name, kind, *operands, flags=flags)


def _extreme(name: str, bound: str) -> Callable[..., str]:
    def instruction(c: Code, kind: str, x: str, y: str) -> str:
        for value, number in ((x, y), (y, x)):
            if not number.startswith("%") and number != literal(math.nan, kind):
                return c.bounded(kind, value, **{bound: number})
        return c.call(name, kind, x, y, flags="nsz")

    return instruction


def _comparison(how: str) -> Callable[..., str]:
    return lambda c, kind, x, y: c.compare(how, kind, x, y)


def _square(c: Code, kind: str, x: str) -> str:
    return c.new(f"fmul {FLAGS} {kind} {x}, {x}")


def _sign(c: Code, kind: str, x: str) -> str:
    one = c.call("copysign", kind, literal(1.0, kind), x)
    other = c.compare("ueq", kind, x, literal(0.0, kind))  # zero, and NaN
    return c.select(other, kind, x, one)


OPS: dict[str, Callable[..., str]] = {
    "add": _instruction("fadd"), "subtract": _instruction("fsub"), "multiply": _instruction("fmul"),
    "divide": _instruction("fdiv"), "maximum": _extreme("maximum", "low"), "minimum": _extreme("minimum", "high"),
    "negative": lambda c, kind, x: c.new(f"fneg {kind} {x}"), "square": _square, "sign": _sign,
    "reciprocal": lambda c, kind, x: c.new(f"fdiv {kind} {literal(1.0, kind)}, {x}"),
    "sqrt": _intrinsic("sqrt"), "absolute": _intrinsic("fabs"), "fabs": _intrinsic("fabs"),
    "floor": _intrinsic("floor"), "ceil": _intrinsic("ceil"), "rint": _intrinsic("rint"), "trunc": _intrinsic("trunc"),
    "exp": exp, "log": log, "tanh": tanh,
    "relu": lambda c, kind, x: c.bounded(kind, x, low=literal(0.0, kind)),
    "greater": _comparison("ogt"), "less": _comparison("olt"), "greater_equal": _comparison("oge"),
    "less_equal": _comparison("ole"), "equal": _comparison("oeq"), "not_equal": _comparison("une"),
}  # fmt: skip
