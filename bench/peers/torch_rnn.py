"""Peer: PyTorch, one thread: a gated feedback RNN as a loop in eager mode, and nn.GRU (reset after) and nn.LSTM.

usage: torch_rnn.py CELL infer|train STEPS ROWS FEATURES UNITS [--outputs FILE]     (Debian: python3-torch, python3-numpy)
Training is forward, a sum for loss, and backward to the weights, not to the input. bench/timed_case.h has the protocol.
"""
import sys

import numpy
import torch

from numbers_of_case import numbers_of, serve, weight_of

LAYERS = 3


def parameter(array):
    return torch.nn.Parameter(torch.from_numpy(numpy.ascontiguousarray(array)))


class GatedFeedback(torch.nn.Module):
    """Chung et al. 2015, three tanh layers, without biases; gives the last layer."""

    def __init__(self, features, units):
        super().__init__()
        layers, width = range(1, LAYERS + 1), lambda j: features if j == 1 else units
        self.w = torch.nn.ParameterList([parameter(weight_of(f"h{j}.linear.h{j - 1}", width(j), units)) for j in layers])
        self.wg = torch.nn.ParameterList([parameter(weight_of(f"wg{j}", width(j))) for j in layers])
        pairs = [f"{i}_{j}" for j in layers for i in layers]
        self.u = torch.nn.ParameterList([parameter(weight_of("U" + pair, units, units)) for pair in pairs])
        self.ug = torch.nn.ParameterList([parameter(weight_of("ug" + pair, LAYERS * units)) for pair in pairs])
        self.units = units

    def forward(self, x):
        h, out = [x.new_zeros(x.shape[1], self.units)] * LAYERS, []
        for at in x:
            star, below, new = torch.cat(h, 1), at, []
            for j in range(LAYERS):
                total, own = below @ self.w[j], below @ self.wg[j]
                for i in range(LAYERS):
                    gate = torch.sigmoid(own + star @ self.ug[j * LAYERS + i])
                    total = total + gate[:, None] * (h[i] @ self.u[j * LAYERS + i])
                below = torch.tanh(total)
                new.append(below)
            h = new
            out.append(below)
        return torch.stack(out)


class BuiltIn(torch.nn.Module):
    """gates: (operand's weight, recurrent weight, bias, recurrent bias) by their names in models/cells/, in PyTorch's order."""

    def __init__(self, kind, features, units, gates):
        super().__init__()
        self.cell = kind(features, units)
        rows = lambda k, *shape: numpy.concatenate([weight_of(g[k], *shape).T if g[k] else numpy.zeros(units, "f") for g in gates])
        self.cell.weight_ih_l0 = parameter(rows(0, features, units))
        self.cell.weight_hh_l0 = parameter(rows(1, units, units))
        self.cell.bias_ih_l0 = parameter(rows(2, units))
        self.cell.bias_hh_l0 = parameter(rows(3, units))

    def forward(self, x):
        return self.cell(x)[0]


def make(cell, features, units):
    gate = lambda k: (f"{k}.linear.x", f"{k}.linear.h_tm1", f"{k}.linear.bias", None)
    if cell == "gf_rnn":
        return GatedFeedback(features, units)
    if cell == "gru_reset_after":
        new = ("n.linear.x", "u.linear.h_tm1", "n.linear.bias", "u.linear.bias")
        return BuiltIn(torch.nn.GRU, features, units, [gate("r"), gate("z"), new])
    return BuiltIn(torch.nn.LSTM, features, units, [gate(k) for k in "ifgo"])


def check_products():
    """Debian's PyTorch takes the system's BLAS; with the reference one its products are fifty times slower, and no peer."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as maps:
        if "openblas" not in maps.read():
            sys.exit("PyTorch runs on the reference BLAS here: install libopenblas0-pthread")


def main():
    check_products()
    cell, what, *size = sys.argv[1:7]
    steps, rows, features, units = map(int, size)
    torch.set_num_threads(1)
    model, x = make(cell, features, units), torch.from_numpy(numbers_of("x", steps, rows, features))

    def infer():
        with torch.no_grad():
            return model(x)

    def train():
        model.zero_grad()
        model(x).sum().backward()

    if sys.argv[7:8] == ["--outputs"]:
        infer().numpy().tofile(sys.argv[8])
    else:
        serve(train if what == "train" else infer)


main()
