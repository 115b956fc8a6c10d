#!/usr/bin/env python3
"""Runs random programs of the registry (tests/registry/programs.hpp) with PyTorch: values and gradients.

programs.json is the table that tests/registry/test_programs.cpp compares xgrad with. It is made by

    build/release/tests/oracle_programs |
        /usr/bin/python3 tests/oracle/programs.py > tests/oracle/programs.json

With a program behind that prints questions and reads answers, it answers: `./run differential` runs

    /usr/bin/python3 tests/oracle/programs.py build/release/tests/oracle_programs 3000 1000

for 3000 programs from seed 1000 on; one whose results differ is made smaller and shown.

The calls are those of the registry's rows, for NumPy or PyTorch; `np` below is NumPy in PyTorch, so that both
have gradients. Needs Debian's python3-numpy and python3-torch, and ends with 77 where PyTorch is missing.
"""
import json
import math
import re
import subprocess
import sys
from types import SimpleNamespace

sys.dont_write_bytecode = True
import make  # ends with 77

torch, F, index = make.torch, make.F, make.np.s_


def tensor(x):
    return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.get_default_dtype())


def of_tensors(f):
    return lambda a, b: f(tensor(a), tensor(b))


def over_axes(f):
    """A reduction of PyTorch, over all axes if NumPy's axis is None."""
    return lambda x, axis, keepdims=False, **more: f(
        x, dim=tuple(range(x.dim())) if axis is None else axis, keepdim=keepdims, **more)


def prod(x, dim, keepdim):
    for axis in sorted((axis % x.dim() for axis in dim), reverse=True):
        x = torch.prod(x, axis, keepdim)
    return x


def ranges(x, index):
    """x[index] for ranges with any step."""
    for axis, r in enumerate(index):
        x = x.index_select(axis, torch.tensor(range(x.shape[axis])[r], dtype=torch.int64))
    return x


def pad(x, padding, constant_values):
    """F.pad refuses axes of size 0."""
    shape = [before + n + after for (before, after), n in zip(padding, x.shape)]
    y = torch.full(shape, float(constant_values))
    y[tuple(slice(before, before + n) for (before, _), n in zip(padding, x.shape))] = x
    return y


same_names = """abs arange broadcast_to cos cumsum dot exp expm1 log log1p matmul outer reshape sin sqrt
square stack swapaxes tanh""".split()
np = SimpleNamespace(
    **{name: getattr(torch, name) for name in same_names},
    int64=int,
    float64=float,
    array=lambda x, dtype: torch.tensor(x, dtype=torch.int64 if dtype is int else torch.get_default_dtype()),
    clip=torch.clamp,
    concatenate=lambda xs, axis: torch.cat(tuple(xs), axis),
    expand_dims=torch.unsqueeze,
    eye=torch.eye,
    flip=over_axes(lambda x, dim, keepdim: torch.flip(x, dim)),
    logaddexp=of_tensors(torch.logaddexp),
    max=over_axes(torch.amax),
    maximum=of_tensors(torch.maximum),
    mean=over_axes(torch.mean),
    min=over_axes(torch.amin),
    minimum=of_tensors(torch.minimum),
    pad=pad,
    power=torch.pow,
    prod=over_axes(prod),
    split=lambda x, parts, axis: torch.tensor_split(x, parts, axis),
    squeeze=lambda x, axis=None: torch.squeeze(x) if axis is None else torch.squeeze(x, axis),
    sum=over_axes(torch.sum),
    take=lambda x, i, axis: x[(slice(None),) * (axis % x.dim()) + (i,)],
    take_along_axis=lambda x, ids, axis: torch.gather(x, axis, ids),
    transpose=lambda x, axes=None: x.permute(tuple(range(x.dim()))[::-1] if axes is None else axes),
    var=over_axes(lambda x, ddof, **more: torch.var(x, unbiased=ddof == 1, **more)),
    vectorize=lambda f, otypes: {math.erf: torch.erf}[f],
    where=lambda mask, a, b: torch.where(mask, tensor(a), tensor(b)),
)


def differentiable(op, text):
    """A row's text without what ends differentiation."""
    if op in ("gelu", "sigmoid"):  # the texts keep more digits: in other types, and of a slope near 0
        return f"{'F' if op == 'gelu' else 'torch'}.{op}({re.search('v[0-9]+', text)[0]})"
    if op == "slice":  # PyTorch knows no negative steps
        text = re.sub(r"^(v[0-9]+)\[(.*)\]$", r"ranges(\1, index[\2])", text)
    text = text.replace(".numpy()", "").replace("torch.from_numpy", "")
    return text.replace("torch.double", "torch.get_default_dtype()")


def weighted(x):
    i = torch.arange(x.numel()).reshape(x.shape)
    return (x * ((7 * i % 11).to(x.dtype) - 4.5) / 4).sum()


def leaf(data, shape):
    return torch.tensor(data, dtype=torch.get_default_dtype()).reshape(shape).requires_grad_()


def gradient(loss, values):
    """Zeros for constants."""
    variables = [x for x in values if x.requires_grad]
    found = dict(zip(variables, torch.autograd.grad(loss, variables, allow_unused=True)))
    return [torch.zeros_like(x) if found.get(x) is None else found[x] for x in values]


def source(program):
    """The whole of it in Python."""
    lines = []
    for k, step in enumerate(program["steps"]):
        x = step.get("input")
        text = f"leaf({x['data']}, {x['shape']})" if x else differentiable(step["op"], step["python"])
        lines.append(f"v{k} = {text}")
    values = ", ".join(f"v{k}" for k in range(len(lines)))
    lines.append("loss = " + " + ".join(f"weighted(v{k})" for k in program["unused"]))
    lines.append(f"values = [{values}]")
    lines.append("gradients = gradient(loss, values)")
    return "\n".join(lines)


def run(program, dtype):
    """The values of all steps and the loss, and the gradients of the values."""
    torch.set_default_dtype(dtype)
    names = dict(globals())
    exec(source(program), names)
    double = lambda xs: [x.detach().double() for x in xs]
    return double([*names["values"], names["loss"]]), double(names["gradients"])


def largest(xs):
    return max([1.0] + [x.abs().max().item() for x in xs if x.numel()])


def answer(program):
    """The results in double, the scale of gradients, and the error of float, measured as in programs.hpp."""
    head = "from programs import *  # in tests/oracle\ntorch.set_default_dtype(torch.float64)\n"
    reply = {"source": head + source(program)} if "show" in program else {}
    try:
        (values, gradients), (values_in_float, gradients_in_float) = (
            run(program, dtype) for dtype in (torch.float64, torch.float32))
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}", **reply}
    sizes = [largest([a]) for a in values]
    sizes[-1] += sum(values[k].abs().sum().item() for k in program["unused"])
    scale = largest(gradients)
    errors = [(a - b).abs().max().item() / size
              for a, b, size in zip(values + gradients, values_in_float + gradients_in_float,
                                    sizes + [scale] * len(gradients)) if a.numel()]
    inputs = [g for g, step in zip(gradients, program["steps"]) if "input" in step]
    results = [make.to_json(a) for a in values + inputs]
    return {"results": results, "scale": scale, "float": max(errors), **reply}


def row(program):
    """Of the table: the calls, by which the program is known, and the results to as many digits as count."""
    result = answer(program)
    for entry in result["results"]:
        entry["data"] = [float(f"{x:.13g}") for x in entry["data"]]
    for name in ("scale", "float"):
        result[name] = float(f"{result[name]:.3g}")
    return {"calls": [step["python"] for step in program["steps"] if "python" in step], **result}


def main():
    torch.set_num_threads(1)
    if len(sys.argv) == 1:
        rows = [row(json.loads(line)) for line in sys.stdin]
        print("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in rows) + "\n]")
        return
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asks:
        for line in asks.stdout:
            asks.stdin.write(json.dumps(answer(json.loads(line))) + "\n")
            asks.stdin.flush()
    sys.exit(asks.returncode)


if __name__ == "__main__":
    main()
