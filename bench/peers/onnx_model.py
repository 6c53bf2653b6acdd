"""Writes the ONNX model of one case, for ort.js to time: GRU (reset after), LSTM, or a gated feedback RNN as one Scan.

usage: onnx_model.py FILE CELL STEPS ROWS FEATURES UNITS     (Debian: python3-onnx, python3-numpy)
"""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

from numbers_of_case import weight_of

LAYERS = 3


def tensor(name, array):
    return numpy_helper.from_array(numpy.ascontiguousarray(array), name)


def info(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def built_in(op, gates, steps, rows, features, units, **attributes):
    """gates: (name of the operand's weight, of the recurrent one, of its bias, of the recurrent bias), in ONNX's order."""
    transposed = lambda name, width: weight_of(name, width, units).T if name else numpy.zeros((units, width), "f")
    bias = lambda name: weight_of(name, units) if name else numpy.zeros(units, "f")
    w = numpy.concatenate([transposed(gate[0], features) for gate in gates])
    r = numpy.concatenate([transposed(gate[1], units) for gate in gates])
    b = numpy.concatenate([bias(gate[2]) for gate in gates] + [bias(gate[3]) for gate in gates])
    node = helper.make_node(op, ["X", "W", "R", "B"], ["Y"], hidden_size=units, **attributes)
    return helper.make_graph([node], op, [info("X", steps, rows, features)], [info("Y", steps, 1, rows, units)],
                             [tensor("W", w[None]), tensor("R", r[None]), tensor("B", b[None])])


def gru(*size):
    simple = lambda k: (f"{k}.linear.x", f"{k}.linear.h_tm1", f"{k}.linear.bias", None)
    return built_in("GRU", [simple("z"), simple("r"), ("n.linear.x", "u.linear.h_tm1", "n.linear.bias", "u.linear.bias")], *size,
                    linear_before_reset=1)


def lstm(*size):
    return built_in("LSTM", [(f"{k}.linear.x", f"{k}.linear.h_tm1", f"{k}.linear.bias", None) for k in "iofg"], *size)


def gated_feedback(steps, rows, features, units):
    """Chung et al. 2015, three tanh layers, without biases; the output is the last layer."""
    states, nodes, weights = [f"h{j}" for j in range(LAYERS)], [], []

    def op(kind, operands, result, **attributes):
        nodes.append(helper.make_node(kind, operands, [result], **attributes))
        return result

    def weight(name, *shape):
        weights.append(tensor(name, weight_of(name, *shape)))
        return name

    star, below, width, tops = op("Concat", states, "star", axis=1), "x", features, []
    for j in range(1, LAYERS + 1):
        total = op("MatMul", [below, weight(f"h{j}.linear.h{j - 1}", width, units)], f"a{j}")
        own = op("MatMul", [below, weight(f"wg{j}", width, 1)], f"own{j}")
        for i in range(1, LAYERS + 1):
            pair = f"{i}_{j}"
            others = op("MatMul", [star, weight("ug" + pair, LAYERS * units, 1)], "others" + pair)
            gate = op("Sigmoid", [op("Add", [own, others], "s" + pair)], "g" + pair)
            fed_back = op("MatMul", [states[i - 1], weight("U" + pair, units, units)], "u" + pair)
            total = op("Add", [total, op("Mul", [gate, fed_back], "m" + pair)], "c" + pair)
        below, width = op("Tanh", [total], f"n{j}"), units
        tops.append(below)
    results = [op("Identity", [value], f"out{j}") for j, value in enumerate(tops)] + [op("Identity", [below], "y")]
    body = helper.make_graph(nodes, "step", [info(name, rows, units) for name in states] + [info("x", rows, features)],
                             [info(name, rows, units) for name in results])
    weights.append(tensor("zero", numpy.zeros((rows, units), "f")))
    scan = helper.make_node("Scan", ["zero"] * LAYERS + ["X"], [f"last{j}" for j in range(LAYERS)] + ["Y"], num_scan_inputs=1, body=body)
    return helper.make_graph([scan], "gf", [info("X", steps, rows, features)], [info("Y", steps, rows, units)], weights)


def main():
    file, cell, *size = sys.argv[1:]
    graph = {"gru_reset_after": gru, "lstm": lstm, "gf_rnn": gated_feedback}[cell](*map(int, size))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, file)


main()
