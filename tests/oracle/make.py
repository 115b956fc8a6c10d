#!/usr/bin/env python3
"""Makes the tables that tests/registry/test_oracle.cpp and tests/layers/test_layers_oracle.cpp compare xgrad with.

ops.json: reads calls of the registry (their inputs, and each as a Python expression) from standard input, evaluates them
with NumPy and PyTorch in double precision, and prints them with their results. layers.json (with the argument `layers`):
draws weights and inputs and prints them with what PyTorch's own modules make of them, gradients included. Needs Debian's
python3-numpy and python3-torch; both tables are committed, so that tests need neither:

    build/release/tests/oracle_calls | /usr/bin/python3 tests/oracle/make.py ops > tests/oracle/ops.json
    /usr/bin/python3 tests/oracle/make.py layers > tests/oracle/layers.json
"""
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F


def to_json(a):
    """Shape and numbers, row-major; what JSON has no number for, as a string."""
    a = np.asarray(a, dtype=np.float64)
    return {"shape": list(a.shape), "data": [x if math.isfinite(x) else str(x) for x in a.ravel().tolist()]}


def from_json(entry):
    return np.array([float(x) for x in entry["data"]], dtype=np.float64).reshape(entry["shape"])


def ops(calls):
    for call in calls:
        x = [from_json(entry) for entry in call["x"]]
        t = [torch.from_numpy(a) for a in x]
        with np.errstate(all="ignore"):
            call["y"] = to_json(eval(call["python"], {"math": math, "np": np, "torch": torch, "F": F, "x": x, "t": t}))
    return calls


def leaf(random, *shape):
    return torch.tensor(random.uniform(-1, 1, shape), requires_grad=True)


def layer(name, parameters, inputs, results, loss, **more):
    """What xgrad must reproduce: results, and the gradients of the loss by parameter and input."""
    loss.backward()
    dump = lambda tensors: {path: to_json(tensor.detach().numpy()) for path, tensor in tensors.items()}
    gradients = {path: to_json(tensor.grad.numpy()) for path, tensor in {**parameters, **inputs}.items()}
    return {"layer": name, "parameters": dump(parameters), "inputs": dump(inputs), "results": dump(results),
            "gradients": gradients, **more}


def layers():
    random = np.random.RandomState(5)
    T, N, V, D, H = 6, 3, 7, 4, 5

    # xgrad's x W + b is PyTorch's linear with W transposed
    W, b, x = leaf(random, D, H), leaf(random, H), leaf(random, T, N, D)
    y = F.linear(x, W.t(), b)
    affine = layer("affine", {"W": W, "b": b}, {"x": x}, {"y": y}, y.square().sum())

    W, ids = leaf(random, V, D), random.randint(0, V, (T, N))
    y = F.embedding(torch.from_numpy(ids), W)
    embedding = layer("embedding", {"W": W}, {}, {"y": y}, y.square().sum(), ids=ids.tolist())

    def rnn(xs, h, Wx, Wh, b):  # what torch.nn.RNN calls; its second bias is zero, as xgrad has one
        weights = [Wx.t(), Wh.t(), b, torch.zeros(H, dtype=torch.float64)]
        ys, last = torch.rnn_tanh(xs, h[None], weights, True, 1, 0.0, True, False, False)
        return ys, last[0]

    Wx, Wh, b, xs, h = (leaf(random, *s) for s in ((D, H), (H, H), (H,), (T, N, D), (N, H)))
    ys, last = rnn(xs, h, Wx, Wh, b)
    unrolled = layer("rnn", {"Wx": Wx, "Wh": Wh, "b": b}, {"xs": xs, "h0": h}, {"ys": ys, "state": last},
                     ys.square().sum() + last.sum())

    E, Wx, Wh, b, A, c = (leaf(random, *s) for s in ((V, D), (D, H), (H, H), (H,), (H, V), (V,)))
    h = leaf(random, N, H)
    ids, targets = random.randint(0, V, (T, N)), random.randint(0, V, (T, N))
    ys, last = rnn(F.embedding(torch.from_numpy(ids), E), h, Wx, Wh, b)
    logits = F.linear(ys, A.t(), c)
    loss = F.cross_entropy(logits.reshape(-1, V), torch.from_numpy(targets).reshape(-1))
    parameters = {"embed/W": E, "cell/Wx": Wx, "cell/Wh": Wh, "cell/b": b, "affine/W": A, "affine/b": c}
    rnnlm = layer("rnnlm", parameters, {"h0": h}, {"logits": logits, "state": last, "loss": loss}, loss,
                  ids=ids.tolist(), targets=targets.tolist())
    return [affine, embedding, unrolled, rnnlm]


def main():
    table = ops(json.load(sys.stdin)) if sys.argv[1:] == ["ops"] else layers()
    print("[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]")


if __name__ == "__main__":
    main()
