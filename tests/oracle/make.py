#!/usr/bin/env python3
"""Makes the tables that tests/registry/test_oracle.cpp and tests/layers/test_layers_oracle.cpp compare xgrad with.

ops.json: reads calls of the registry (their inputs, and each as a Python expression) from standard input, evaluates them
with NumPy and PyTorch in double precision, and prints them with their results. layers.json:
draws weights and inputs and prints them with what PyTorch's own modules make of them, gradients included. optimizers.json:
what PyTorch's optimizers make of the parameters of its recurrent cells in twenty steps. resumed.json: the same
of a model whose optimizer is saved and loaded on the way. Needs Debian's python3-numpy and python3-torch; the
tables are committed, so that tests need neither:

    build/release/tests/oracle_calls | /usr/bin/python3 tests/oracle/make.py ops > tests/oracle/ops.json
    /usr/bin/python3 tests/oracle/make.py layers > tests/oracle/layers.json
    /usr/bin/python3 tests/oracle/make.py optimizers > tests/oracle/optimizers.json
    /usr/bin/python3 tests/oracle/make.py resumed > tests/oracle/resumed.json

With the name of a table behind, it makes that table anew and compares the two; it skips (77) where PyTorch is missing.
"""
import io
import json
import math
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(error)
    sys.exit(77)  # skipped


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
    return [affine, embedding, unrolled, rnnlm] + cells(random)


def cells(random):
    """Each cell over T steps: LSTM and GRU are PyTorch's own, the others their papers' formulas."""
    T, N, D, H = 6, 3, 4, 5
    sigmoid, tanh, parts = torch.sigmoid, torch.tanh, lambda x: x.split(H, -1)
    zeros = lambda *shape: torch.zeros(*shape, dtype=torch.float64)
    norm = lambda x, gain, bias=None: F.layer_norm(x, x.shape[-1:], gain, bias, 1e-5)

    def run(name, shapes, cell, state_parts=1):
        p = {path: leaf(random, *shape) for path, shape in shapes.items()}
        inputs = {"xs": leaf(random, T, N, D)}
        state = [leaf(random, N, H) for _ in range(state_parts)]
        inputs.update({f"state{i}": part for i, part in enumerate(state)})
        ys = []
        for x in inputs["xs"]:
            state = cell(p, x, *state)
            ys.append(state[0])
        ys = torch.stack(ys)
        results = {"ys": ys, **{f"state{i}": part for i, part in enumerate(state)}}
        return layer(name, p, inputs, results, ys.square().sum() + sum(part.sum() for part in state))

    def lstm(p, x, h, c):
        return torch.lstm_cell(x, (h, c), p["Wx"].t(), p["Wh"].t(), p["b"], zeros(4 * H))

    def peephole_lstm(p, x, h, c):
        i, f, g, o = parts(x @ p["Wx"] + h @ p["Wh"] + p["b"])
        c_new = sigmoid(f + p["pf"] * c) * c + sigmoid(i + p["pi"] * c) * tanh(g)
        return sigmoid(o + p["po"] * c_new) * tanh(c_new), c_new

    def gru(p, x, h):
        return (torch.gru_cell(x, h, p["Wx"].t(), p["Wh"].t(), p["b"], torch.cat([zeros(2 * H), p["bh"]])),)

    def reset_before_gru(p, x, h):
        x_r, x_z, x_n = parts(x @ p["Wx"] + p["b"])
        h_r, h_z = parts(h @ p["Wh"])
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        return ((1 - z) * tanh(x_n + (r * h) @ p["Un"]) + z * h,)

    def mgu(p, x, h):
        x_f, x_g = parts(x @ p["Wx"] + p["b"])
        f = sigmoid(x_f + h @ p["Uf"])
        return ((1 - f) * h + f * tanh(x_g + (f * h) @ p["Ug"]),)

    def layer_norm_lstm(p, x, h, c):
        i, f, g, o = parts(norm(x @ p["Wx"], p["gain_x"]) + norm(h @ p["Wh"], p["gain_h"]) + p["b"])
        c_new = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(norm(c_new, p["gain_c"], p["bias_c"])), c_new

    def layer_norm_gru(p, x, h):
        r, z = parts(sigmoid(norm(x @ p["Wx"], p["gain_x"]) + norm(h @ p["Wh"], p["gain_h"]) + p["b"]))
        n = tanh(norm(x @ p["Vn"], p["gain_vn"]) + p["bn"] + r * norm(h @ p["Un"], p["gain_un"]))
        return ((1 - z) * n + z * h,)

    def gates(count):
        return {"Wx": (D, count * H), "Wh": (H, count * H), "b": (count * H,)}

    rows = [
        run("rnn_relu", gates(1), lambda p, x, h: (torch.relu(x @ p["Wx"] + h @ p["Wh"] + p["b"]),)),
        run("lstm", gates(4), lstm, 2),
        run("peephole_lstm", {**gates(4), "pi": (H,), "pf": (H,), "po": (H,)}, peephole_lstm, 2),
        run("gru", {**gates(3), "bh": (H,)}, gru),
        run("reset_before_gru", {"Wx": (D, 3 * H), "Wh": (H, 2 * H), "Un": (H, H), "b": (3 * H,)}, reset_before_gru),
        run("mgu", {"Wx": (D, 2 * H), "Uf": (H, H), "Ug": (H, H), "b": (2 * H,)}, mgu),
        run("layer_norm_lstm", {**gates(4), "gain_x": (4 * H,), "gain_h": (4 * H,), "gain_c": (H,), "bias_c": (H,)},
            layer_norm_lstm, 2),
        run("layer_norm_gru", {**gates(2), "Vn": (D, H), "Un": (H, H), "bn": (H,), "gain_x": (2 * H,),
                               "gain_h": (2 * H,), "gain_vn": (H,), "gain_un": (H,)}, layer_norm_gru),
    ]
    # Whole modules as they are, to be imported: two biases, two layers, two directions.
    for name, module in (("RNN", torch.nn.RNN), ("LSTM", torch.nn.LSTM), ("GRU", torch.nn.GRU)):
        model = module(D, H, num_layers=2, bidirectional=True).double()
        with torch.no_grad():
            for tensor in model.parameters():
                tensor.copy_(torch.from_numpy(random.uniform(-0.5, 0.5, tuple(tensor.shape))))
        xs = leaf(random, T, N, D)
        ys, _ = model(xs)
        rows.append(layer("torch.nn." + name, dict(model.named_parameters()), {"xs": xs}, {"ys": ys}, ys.square().sum()))
    return rows


# The optimizers by the names that test_optimizers_oracle.cpp gives them: on every cell, and on one alone.
EVERYWHERE = {
    "sgd": (torch.optim.SGD, {"lr": 0.3}),
    "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "adam": (torch.optim.Adam, {"lr": 0.02}),
    "adamw": (torch.optim.AdamW, {"lr": 0.02, "weight_decay": 0.1}),
}
MORE = {
    "decay": (torch.optim.SGD, {"lr": 0.3, "weight_decay": 0.1}),
    "dampening": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.05}),
    "nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1,
                                      "initial_accumulator_value": 0.2}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 0.01, "weight_decay": 0.1}),
    "rmsprop_momentum": (torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.7}),
    "rmsprop_centered": (torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "centered": True, "alpha": 0.9}),
    "adam_decay": (torch.optim.Adam, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    "rprop": (torch.optim.Rprop, {"lr": 0.01, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50)}),
}


def optimizers():
    """Twenty steps of PyTorch's optimizers on its recurrent cells: the parameters after the first and the last."""
    random = np.random.RandomState(6)
    T, N, D, H, steps = 4, 3, 2, 3, 20
    zeros = lambda *shape: torch.zeros(*shape, dtype=torch.float64)
    cells = {
        "rnn": (1, lambda p, x, s: (torch.rnn_tanh_cell(x, s[0], p["Wx"].t(), p["Wh"].t(), p["b"], zeros(H)),)),
        "lstm": (4, lambda p, x, s: torch.lstm_cell(x, s, p["Wx"].t(), p["Wh"].t(), p["b"], zeros(4 * H))),
        "gru": (3, lambda p, x, s: (torch.gru_cell(x, s[0], p["Wx"].t(), p["Wh"].t(), p["b"],
                                                   torch.cat([zeros(2 * H), p["bh"]])),)),
    }
    rows = []
    for name, (count, cell) in cells.items():
        shapes = {"Wx": (D, count * H), "Wh": (H, count * H), "b": (count * H,)}
        if name == "gru":
            shapes["bh"] = (H,)
        start = {path: random.uniform(-1, 1, shape) for path, shape in shapes.items()}
        xs, targets = (torch.tensor(random.uniform(-1, 1, shape)) for shape in ((T, N, D), (T, N, H)))
        for optimizer, (kind, options) in {**EVERYWHERE, **(MORE if name == "rnn" else {})}.items():
            p = {path: torch.tensor(value, requires_grad=True) for path, value in start.items()}
            update = kind(p.values(), **options)
            row = {"cell": name, "optimizer": optimizer, "xs": to_json(xs), "targets": to_json(targets),
                   "start": {path: to_json(value) for path, value in start.items()}}
            for step in range(1, steps + 1):
                state, loss = tuple(zeros(N, H) for _ in range(2 if name == "lstm" else 1)), 0
                for x, target in zip(xs, targets):
                    state = cell(p, x, state)
                    loss = loss + (state[0] - target).square().sum() / (T * N)
                update.zero_grad()
                loss.backward()
                update.step()
                if step in (1, steps):
                    row[f"after {step}"] = {path: to_json(value.detach().numpy()) for path, value in p.items()}
            rows.append(row)
    return rows


def resumed():
    """Twenty steps with breaks, after which a new model and a new optimizer go on from what torch.save wrote of the
    old ones; some parameters are frozen for a time, one joins later."""
    random = np.random.RandomState(7)
    V, D, H, N, steps = 6, 4, 3, 3, 20
    shapes = {"E": (V, D), "W": (D, H), "v": (H,), "c": (H,), "u": (H,)}
    joins = {"u": 11}  # in which step
    frozen = {"c": range(1, 4), "v": range(5, 10), "E": range(8, 10)}
    breaks, shown, slower = (2, 7, 9, 14), (3, 8, 10, 12, steps), 6  # after, after, before these steps
    factors = {"E": (2, 0.5), "u": (0.5, 0)}  # of rate and weight decay
    rows = []

    def build(kind, options, p, rate, by_path):
        """An optimizer in which each parameter is a group."""
        return kind([group(options, path, p[path], rate, by_path) for path in p], **options)

    def group(options, path, tensor, rate, by_path):
        of_rate, of_decay = by_path.get(path, (1, 1))
        result = {"params": [tensor], "lr": rate * of_rate}
        if "weight_decay" in options:
            result["weight_decay"] = options["weight_decay"] * of_decay
        return result

    def through_file(x):
        file = io.BytesIO()
        torch.save(x, file)
        file.seek(0)
        return torch.load(file)

    def run(name, kind, options, by_path):
        start = {path: random.uniform(-1, 1, shape) for path, shape in shapes.items()}
        ids, targets = random.randint(0, V, (steps, N)), torch.tensor(random.uniform(-1, 1, (N, H)))
        row = {"optimizer": name, "factors": {path: list(two) for path, two in by_path.items()}, "ids": ids.tolist(),
               "targets": to_json(targets), "start": {path: to_json(value) for path, value in start.items()},
               "joins": joins, "frozen": {path: list(which) for path, which in frozen.items()},
               "breaks": list(breaks), "slower": slower}
        p = {path: torch.tensor(start[path], requires_grad=True) for path in shapes if path not in joins}
        rate = options["lr"]
        update = build(kind, options, p, rate, by_path)
        for step in range(1, steps + 1):
            for path, when in joins.items():
                if when == step:
                    p[path] = torch.tensor(start[path], requires_grad=True)
                    if kind is torch.optim.Adagrad:  # its add_param_group makes no state, and its step needs one
                        old = update.state_dict()["state"]
                        update = build(kind, options, p, rate, by_path)
                        both = update.state_dict()
                        both["state"].update(old)
                        update.load_state_dict(both)
                    else:
                        update.add_param_group(group(options, path, p[path], rate, by_path))
            if step == slower and kind is not torch.optim.Rprop:  # whose rate is that of a first step alone
                rate /= 2
                for one in update.param_groups:
                    one["lr"] /= 2
            for path, which in frozen.items():
                p[path].requires_grad = step not in which
            y = torch.tanh(F.embedding(torch.from_numpy(ids[step - 1]), p["E"]) @ p["W"] + p["v"]) * p["c"]
            if "u" in p:
                y = y + p["u"]
            update.zero_grad(set_to_none=True)
            ((y - targets).square().sum() / N).backward()
            update.step()
            if step in breaks:
                saved = through_file({"model": {path: tensor.detach() for path, tensor in p.items()},
                                      "optimizer": update.state_dict()})
                p = {path: tensor.clone().requires_grad_() for path, tensor in saved["model"].items()}
                update = build(kind, options, p, options["lr"], by_path)
                update.load_state_dict(saved["optimizer"])
            if step in shown:
                row[f"after {step}"] = {path: to_json(tensor.detach().numpy()) for path, tensor in p.items()}
        rows.append(row)

    for name, (kind, options) in {**EVERYWHERE, **MORE}.items():
        run(name, kind, options, {})
        if "weight_decay" in options:
            run(name, kind, options, factors)
    return rows


def difference(a, b, place=""):
    """Where two tables differ by more than rounding, or None."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        places = [(a[key], b[key], f"{place}/{key}") for key in a]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        places = [(x, y, f"{place}/{i}") for i, (x, y) in enumerate(zip(a, b))]
    elif isinstance(a, float) and isinstance(b, float):
        return None if abs(a - b) <= 1e-12 * max(1, abs(b)) else f"{place}: {a} and {b}"
    else:
        return None if a == b else f"{place}: {a} and {b}"
    return next((found for found in (difference(*entry) for entry in places) if found), None)


def main():
    tables = {"ops": lambda: ops(json.load(sys.stdin)), "layers": layers, "optimizers": optimizers,
              "resumed": resumed}
    table = tables[sys.argv[1]]()
    if len(sys.argv) > 2:  # compare with a table that was made before
        with open(sys.argv[2], encoding="utf-8") as file:
            found = difference(table, json.load(file))
        sys.exit(f"{sys.argv[2]} differs at {found}" if found else 0)
    print("[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]")


if __name__ == "__main__":
    main()
