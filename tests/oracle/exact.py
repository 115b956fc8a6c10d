#!/usr/bin/env python3
"""Makes exact.json, the table that tests/registry/test_exact.cpp holds values and gradients in double to.

Every op is written down here a second time and evaluated by mpmath, with so many digits that what is rounded
to a double at the end is exact. Start with ELEMENTWISE: of a function of one or two numbers there are the
formula and its slopes, at a grid of extremes. Of the other ops, in `calls`, there is the formula alone: the
gradient is found by differences, at 500 digits. Needs Debian's python3-mpmath and python3-numpy; the table is
committed, so that the tests need neither:

    /usr/bin/python3 tests/oracle/exact.py > tests/oracle/exact.json

With the name of a table behind, it makes that table anew and compares the two; it skips (77) where mpmath is
missing.
"""
import json
import math
import random
import sys

try:
    import numpy as np
    from mpmath import mp, mpc, mpf
except ImportError as error:
    print(error)
    sys.exit(77)  # skipped

INF, NAN = math.inf, math.nan
MIDDLE = [s * x for x in (1e-8, 1.0, 17.0, 30.0, 88.0) for s in (1, -1)]
FINITE = [0.0] + MIDDLE + [s * x for x in (5e-324, 2.0**-1022, 1e-30, 1e4, 1e8, 1e20) for s in (1, -1)]
GRID = FINITE + [-0.0, INF, -INF, NAN]
ORDINARY = [s * x for x in (0.01, 0.3, 0.77, 1.5, 2.25, 5.5, 9.1) for s in (1, -1)]
SHARES = [0.0, 2.0**-1022, 1e-30, 1e-8, 0.3, 0.5, 1 - 2.0**-53, 1.0]  # probabilities
TARGETS = [0.0, 1.0, -17.0, 1e8, INF, NAN]

# Formulas of x, or of a and b, with the slope by each; in braces what the errors of a slope are measured
# against where that is not the slope itself: the sum of its terms. What a formula divides by 0, or takes of
# infinity or NaN, IEEE arithmetic decides. Where there is no derivative, the convention of the headers is
# written here as a case: relu and its like have slope 0 at the kink, clip has 1 at its ends, elements that
# tie share the gradient, and at NaN the slope is that of the branch that is left when no comparison is true.
# The slope of log is 1 / x also below 0, where the value is NaN.
ELEMENTWISE = {
    "tanh": ("tanh(x)", "1 / cosh(x)**2"),
    "sigmoid": ("1 / (1 + exp(-x))", "exp(-abs(x)) / (1 + exp(-abs(x)))**2"),
    "softplus": ("log1p(exp(x))", "1 / (1 + exp(-x))"),
    "log_sigmoid": ("-log1p(exp(-x))", "1 / (1 + exp(x))"),
    "relu": ("0 if x <= 0 else x", "0 if x <= 0 else 1"),
    "leaky_relu(x, 0.25)": ("x / 4 if x <= 0 else x", "0.25 if x <= 0 else 1"),
    "elu(x, 0.75)": ("0.75 * expm1(x) if x <= 0 else x", "0.75 * exp(x) if x <= 0 else 1"),
    "gelu": ("0 if x == -inf else x * erfc(-x / sqrt(2)) / 2",
             "erfc(-x / sqrt(2)) / 2 + (0 if isinf(x) else x * exp(-x * x / 2) / sqrt(2 * pi))",
             {0: "erfc(-x / sqrt(2)) / 2 + abs(x) * exp(-x * x / 2) / sqrt(2 * pi)"}),
    "negate": ("-x", "-1"),
    "scale_shift(x, 1.75, 0.5)": ("1.75 * x + 0.5", "1.75"),
    "clip(x, -1, 30)": ("-1 if x < -1 else 30 if x > 30 else x", "1 if -1 <= x <= 30 else 0"),
    "exp": ("exp(x)", "exp(x)"),
    "expm1": ("expm1(x)", "exp(x)"),
    "log": ("log(x)", "1 / x"),
    "log1p": ("log1p(x)", "1 / (1 + x)"),
    "sin": ("sin(x)", "cos(x)"),
    "cos": ("cos(x)", "-sin(x)"),
    "erf": ("erf(x)", "2 / sqrt(pi) * exp(-x * x)"),
    "square": ("x * x", "2 * x"),
    "sqrt": ("sqrt(x)", "1 / (2 * sqrt(x))"),
    "rsqrt": ("1 / sqrt(x)", "-(1 / sqrt(x))**3 / 2"),
    "abs": ("abs(x)", "0 if x == 0 else -1 if x < 0 else 1"),
    "pow(x, 1.5)": ("power(x, 1.5)", "1.5 * power(x, 0.5)"),
    "pow(x, 3)": ("power(x, 3)", "3 * power(x, 2)"),
    "pow(x, -2)": ("power(x, -2)", "-2 * power(x, -3)"),
    "add": ("a + b", "1", "1"),
    "subtract": ("a - b", "1", "-1"),
    "multiply": ("a * b", "b", "a"),
    "divide": ("a / b", "1 / b", "-a / (b * b)"),
    "pow": ("power(a, b)", "0 if b == 0 else b * (power(a, b - 1) if a == a else a)",
            "0 if a == 0 and b >= 0 else power(a, b) * log(a)"),
    "maximum": ("a if a > b or a != a else b", "0.5 if a == b else 1 * (a > b or a != a)",
                "0.5 if a == b else 0 if a != a else 1 * (b > a or b != b)"),
    "minimum": ("a if a < b or a != a else b", "0.5 if a == b else 1 * (a < b or a != a)",
                "0.5 if a == b else 0 if a != a else 1 * (b < a or b != b)"),
    "binary_cross_entropy_with_logits": (  # what has probability 0 has no loss, not even an infinite one
        "log1p(exp(-abs(a))) + (0 if b == (a > 0) else (1 - b) * a if a > 0 else -b * a)",
        "(1 - b) / (1 + exp(-a)) - b / (1 + exp(a))", "-a",
        {0: "(1 - b) / (1 + exp(-a)) + b / (1 + exp(a))"}),
    "squared_error": ("(a - b)**2", "2 * (a - b)", "2 * (b - a)"),
    "absolute_error": ("abs(a - b)", "0 if a - b == 0 else -1 if a - b < 0 else 1",
                       "0 if a - b == 0 else 1 if a - b < 0 else -1"),
    "huber(y, t, 17)": ("(a - b)**2 / 2 if abs(a - b) <= 17 else 17 * abs(a - b) - 144.5",
                        "-17 if a - b < -17 else 17 if a - b > 17 else a - b",
                        "17 if a - b < -17 else -17 if a - b > 17 else b - a"),
}
NAMES = "sqrt exp expm1 log log1p sin cos tanh cosh power isinf inf pi"
EXACT = {name: getattr(mp, name) for name in NAMES.split() + ["erf", "erfc"]}
IEEE = {**{name: getattr(np, name) for name in NAMES.split()}, "erf": math.erf, "erfc": math.erfc}


def rounded(x):
    """The double next to x; NaN where the formula leaves the real numbers."""
    return NAN if isinstance(x, mpc) else float(x)


def evaluate(formula, numbers):
    if all(map(math.isfinite, numbers.values())):
        try:
            return rounded(eval(formula, EXACT, {name: mpf(x) for name, x in numbers.items()}))
        except ZeroDivisionError:
            pass
    with np.errstate(all="ignore"):
        return float(eval(formula, IEEE, {name: np.float64(x) for name, x in numbers.items()}))


def to_json(numbers):
    """Shape and numbers, row-major; what JSON has no number for, as a string."""
    a = np.array(numbers, dtype=np.float64)
    data = [x if math.isfinite(x) else str(x) for x in a.ravel().tolist()]
    return {"shape": list(a.shape), "data": data}


def elementwise():
    mp.dps = 400  # 1 - 5e-324 is not 1
    for call, (value, *slopes) in ELEMENTWISE.items():
        sizes = slopes.pop() if isinstance(slopes[-1], dict) else {}
        second = SHARES if "entropy" in call else TARGETS if "error" in call or "huber" in call else GRID
        if len(slopes) == 1:
            xs = [[GRID + ORDINARY]]
        else:
            inside = [abs(x) / 10 for x in ORDINARY] if second is SHARES else ORDINARY[::-1]
            xs = [[[[a] for a in GRID], second], [ORDINARY, inside]]
        for x in xs:
            places = np.broadcast_arrays(*map(np.array, x))
            named = [dict(zip("ab" if len(x) == 2 else "x", map(float, place)))
                     for place in zip(*map(np.ravel, places))]
            of = lambda formula: to_json(np.reshape([evaluate(formula, at) for at in named], places[0].shape))
            row = {"call": call, "x": list(map(to_json, x)), "y": of(value), "g": list(map(of, slopes))}
            if sizes:
                row["g_size"] = [of(sizes[i])["data"] if i in sizes else [] for i in range(len(slopes))]
            yield row


# What the other ops are made of: functions of arrays of mpmath's numbers.
exp, log, sqrt, tanh = (np.vectorize(f, otypes=[object]) for f in (mp.exp, mp.log, mp.sqrt, mp.tanh))
share = lambda e, axis: e / e.sum(axis, keepdims=True)
softmax = lambda x, axis=-1: share(exp(x), axis)
logsumexp = lambda x, axis=-1: log(exp(x).sum(axis))
log_softmax = lambda x, axis=-1: x - np.expand_dims(logsumexp(x, axis), axis)
variance = lambda x, ddof=0: ((x - x.mean(-1, keepdims=True))**2).sum(-1) / (x.shape[-1] - ddof)
losses = lambda x, targets: -np.array([row[t] for row, t in zip(log_softmax(x), targets)])
scale = lambda x: 1 / sqrt(variance(x) + mpf(1e-5))[..., None]
layer_norm = lambda x, g, b: g * (x - x.mean(-1, keepdims=True)) * scale(x) + b


def weighted_losses(x):
    """PyTorch's cross_entropy with class weights, label smoothing 1/4, targets 1, 3 and an ignored one."""
    w = np.array([1, mpf(0.5), 2, 1, 0])
    log_p = log_softmax(x)[:2]
    return -(3 * (w[1] * log_p[0, 1] + w[3] * log_p[1, 3]) / 4 + (w * log_p).sum() / 20)


def calls():
    """Name, formula, inputs: ordinary ones, up to 88, of every size, and some that are near each other."""
    draw = random.Random(7)
    ordinary = lambda *shape: np.reshape(
        [round(draw.uniform(-2, 2), 3) for _ in range(math.prod(shape))], shape)

    def of(numbers):  # in random order, each as often as the others
        shuffled = lambda count: sum((draw.sample(numbers, len(numbers)) for _ in range(count)), [])
        return lambda *shape: np.reshape(
            shuffled(math.prod(shape) // len(numbers) + 1)[:math.prod(shape)], shape)

    middle, wide, near = of(MIDDLE + [0.0]), of(FINITE), lambda *shape: 1e6 + ordinary(*shape)
    every, two = (ordinary, middle, wide, near), (ordinary, wide)

    for name, f in (
        ("sum(x)", np.sum), ("sum(x, 0)", lambda x: x.sum(0)), ("mean(x, 1)", lambda x: x.mean(1)),
        ("max(x, 1)", lambda x: x.max(1)), ("min(x, 1)", lambda x: x.min(1)),
        ("norm(x, 1)", lambda x: sqrt((x * x).sum(1))), ("variance(x, 1)", variance),
        ("variance(x, 1, 1)", lambda x: variance(x, 1)), ("cumsum(x, 1)", lambda x: x.cumsum(1)),
        ("softmax(x, 1)", softmax), ("log_softmax(x, 1)", log_softmax), ("logsumexp(x, 1)", logsumexp),
    ):
        for numbers in every:
            yield name, f, [numbers(1 if "soft" in name or "exp" in name else 2, 11)]
    for numbers in (ordinary, middle):  # along columns, which are computed in another way
        yield "softmax(x, 0)", lambda x: softmax(x, 0), [numbers(3, 17)]
        yield "log_softmax(x, 0)", lambda x: log_softmax(x, 0), [numbers(3, 17)]
        yield "logsumexp(x, 0)", lambda x: logsumexp(x, 0), [numbers(3, 17)]
    for numbers in every:
        yield "softmax_cross_entropy(x, {2, 0})", lambda x: losses(x, (2, 0)).mean(), [numbers(2, 5)]
        yield "cross_entropy(x, {1, 3, -1}, ...)", weighted_losses, [numbers(3, 5)]
        yield "layer_norm", layer_norm, [numbers(1, 9), ordinary(9), ordinary(9)]
    for numbers in two:
        yield "prod(x, 1)", lambda x: x.prod(1), [numbers(3, 5)]
        yield "matmul(x, W)", np.dot, [numbers(3, 7), numbers(7, 2)]
        yield "matmul(x, W, both)", lambda x, W: np.dot(x.T, W.T), [numbers(7, 3), numbers(2, 7)]
        yield "dot", np.dot, [numbers(11), numbers(11)]
        yield "outer", np.outer, [numbers(3), numbers(4)]
        yield ("affine({x, W}, b)", lambda x, W, b: np.dot(x, W) + b,
               [numbers(2, 5), numbers(5, 3), numbers(3)])
        yield ("affine({x, W}, {h, U}, b)", lambda x, W, h, U, b: np.dot(x, W) + np.dot(h, U) + b,
               [numbers(2, 3), numbers(3, 2), numbers(2, 4), numbers(4, 2), numbers(2)])
        yield ("affine_cross_entropy({x, W}, b, {1, 0})",
               lambda x, W, b: losses(np.dot(x, W) + b, (1, 0)).sum(),
               [numbers(2, 3), numbers(3, 4), numbers(4)])
        yield ("pointwise((1 - z) * tanh(n) + z * h)",
               lambda z, n, h: (1 - z) * tanh(n) + z * h, [numbers(7), numbers(7), numbers(7)])

    sure = np.array([[0.0, -30, -17, -88, -8], [-8, -30, 17, -88, 0]])  # nearly all probability in one class
    yield "softmax(x, 1)", softmax, [sure]
    yield "log_softmax(x, 1)", log_softmax, [sure]
    yield "logsumexp(x, 1)", logsumexp, [sure]
    yield "softmax_cross_entropy(x, {2, 0})", lambda x: losses(x, (2, 0)).mean(), [sure[::-1]]


# In each input alone: their gradients are sums of products, without a difference that loses digits.
LINEAR = {"sum", "mean", "max", "min", "cumsum", "matmul", "dot", "outer", "affine"}
# What they subtract from x first, without an error that counts.
CENTRE = {"layer_norm": np.mean, **dict.fromkeys(
    ("softmax", "log_softmax", "logsumexp", "softmax_cross_entropy", "cross_entropy"), np.max)}


def differences():
    """The value y, the gradient g of <u, y>, and what their errors are measured against: all terms that add
    up to them, and how far they move if each input moves by its own size, as no sum or product loses less, or
    by its distance from the CENTRE."""
    mp.dps = 500
    h, draw = mpf(10)**-60, random.Random(8)
    for call, f, inputs in calls():
        x = np.concatenate([np.ravel(part) for part in inputs])
        exact = np.array([mpf(number) for number in x.tolist()], dtype=object)
        cut = lambda flat: np.split(flat, np.cumsum([part.size for part in inputs])[:-1])

        def at(*moves, start=exact):  # f with some inputs moved
            moved = start.copy()
            for i, step in moves:
                moved[i] += step
            parts = [part.reshape(like.shape) for part, like in zip(cut(moved), inputs)]
            return np.asarray(f(*parts), dtype=object)

        op, distances = call.split("(")[0], exact.copy()
        if op in CENTRE:
            first = exact[:inputs[0].size].reshape(inputs[0].shape)
            centre = CENTRE[op](first, axis=0 if call.endswith(", 0)") else -1, keepdims=True)
            distances[:first.size] = (first - centre).ravel()
        y = at()
        u = np.reshape([round(draw.uniform(-1, 1), 3) for _ in range(y.size)], y.shape)
        exact_u = np.vectorize(mpf, otypes=[object])(u)
        J = np.array([np.ravel((at((i, h)) - at((i, -h))) / (2 * h)) for i in range(x.size)])
        Ju = J * exact_u.ravel()
        y_size = abs(y.ravel()) + abs(J * distances[:, None]).sum(0)
        g_size = abs(Ju).sum(1)
        some = np.array([mpf(draw.uniform(1, 2)) for _ in x], dtype=object)
        # uses[i, j]: y_j depends on x_i.
        uses = np.array([np.ravel(at((i, 1), start=some) != at(start=some)) for i in range(x.size)])
        F = lambda *moves: np.sum(at(*moves) * exact_u)
        for i in range(x.size):
            for k in range(i + 1):
                if op in LINEAR or not (uses[i] & uses[k]).any():
                    continue
                slope = F((i, h), (k, h)) - F((i, h), (k, -h)) - F((i, -h), (k, h)) + F((i, -h), (k, -h))
                slope = abs(slope) / (4 * h * h)
                g_size[i] += slope * abs(distances[k])
                g_size[k] += slope * abs(distances[i]) if i != k else 0
        short = lambda sizes: [float(f"{rounded(size):.3g}") for size in sizes]
        g = cut(np.array([rounded(gi) for gi in Ju.sum(1)]))
        yield {"call": call, "x": [to_json(part) for part in inputs], "u": to_json(u),
               "y": to_json(np.reshape([rounded(yi) for yi in y.ravel()], y.shape)), "y_size": short(y_size),
               "g": [to_json(part.reshape(like.shape)) for part, like in zip(g, inputs)],
               "g_size": [part.tolist() for part in cut(np.array(short(g_size)))]}


def main():
    table = [*elementwise(), *differences()]
    if len(sys.argv) > 1:  # compare with a table that was made before
        with open(sys.argv[1], encoding="utf-8") as file:
            before = json.load(file)
        differing = [new["call"] for new, old in zip(table, before) if new != old]
        sys.exit(f"{sys.argv[1]} differs: {differing}" if differing or len(table) != len(before) else 0)
    print("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in table) + "\n]")


if __name__ == "__main__":
    main()
