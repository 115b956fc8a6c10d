# Reads a model file of rnnlm as docs/rnnlm.md shows, and computes in PyTorch what `rnnlm eval` says of a text.
# Usage: read_model.py RNNLM, the program; or read_model.py MODEL TEXT. Exits with 77 where PyTorch is missing.
import math
import os
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    sys.exit(77)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if len(sys.argv) == 2:  # makes a model and a text, and starts itself on them
    with tempfile.TemporaryDirectory() as folder:
        program, model, text = sys.argv[1], os.path.join(folder, "model"), os.path.join(folder, "text")
        with open(text, "w") as file:
            file.write("the cat sat\nthe dog ran home\n" * 60)
        sizes = "--cell lstm --nlayers 2 --emsize 8 --nhid 8 --dropout 0"
        steps = "--batch-size 4 --bptt 5 --lr 2 --epochs 3 --sentences 0"
        output(program, "--data", text, "--save", model, *sizes.split(), *steps.split())
        expected = float(output(program, "eval", model, "--data", text).split("perplexity ")[1])
        here = float(output(sys.executable, __file__, model, text))
        print(f"rnnlm {expected}, PyTorch {here}")
        sys.exit(0 if abs(here / expected - 1) < 1e-6 else 1)

import json, sys, torch

with open(sys.argv[1], "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    data = bytearray(file.read())
metadata = header.pop("__metadata__")
words, settings = json.loads(metadata["vocabulary"]), json.loads(metadata["settings"])
dtypes = {"F32": torch.float32, "F64": torch.float64}
weights = {name: torch.frombuffer(data[slice(*t["data_offsets"])], dtype=dtypes[t["dtype"]]).reshape(t["shape"])
           for name, t in header.items()}

# The same model in PyTorch: its matrices are transposed, and it has a second bias.
layers = int(settings["nlayers"])
lstm = torch.nn.LSTM(int(settings["emsize"]), int(settings["nhid"]), layers, dtype=torch.float64)
with torch.no_grad():
    for i in range(layers):
        getattr(lstm, f"weight_ih_l{i}").copy_(weights[f"cell/{i}/Wx"].T)
        getattr(lstm, f"weight_hh_l{i}").copy_(weights[f"cell/{i}/Wh"].T)
        getattr(lstm, f"bias_ih_l{i}").copy_(weights[f"cell/{i}/b"])
        getattr(lstm, f"bias_hh_l{i}").zero_()
    ids = {word: i for i, word in enumerate(words)}
    with open(sys.argv[2]) as file:
        tokens = [ids[w] for line in file for w in [*line.split(), "<eos>"]]
    inputs = torch.tensor([ids["<eos>"], *tokens[:-1]])
    hidden, _ = lstm(weights["embed/W"].double()[inputs].unsqueeze(1))
    logits = hidden.squeeze(1) @ weights["affine/W"].double() + weights["affine/b"].double()
    print(math.exp(torch.nn.functional.cross_entropy(logits, torch.tensor(tokens))))
