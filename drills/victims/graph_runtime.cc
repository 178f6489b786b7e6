#include "drills/victims/graph_runtime.h"

namespace sallyport::drills::victims {

namespace {

constexpr std::string_view kScript = R"python(
import os, struct, sys

def fields(data):
    at = 0
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError("wire type")

def every(data, number):
    return [value for n, value in fields(data) if n == number]

def one(data, number, default=b""):
    return (every(data, number) or [default])[-1]

def floats(data):
    return list(struct.unpack("<%df" % (len(data) // 4), data))

path = sys.argv[1]
here = os.path.dirname(path)
graph = one(open(path, "rb").read(), 7)

def tensor(data):
    for entry in every(data, 13):
        if one(entry, 1) == b"location":
            with open(os.path.join(here, one(entry, 2).decode()), "rb") as file:
                return floats(file.read())
    return floats(one(data, 9))

def touch(inputs, attributes):
    open(attributes["path"], "w").close()
    return inputs[0]

def read_file(inputs, attributes):
    with open(os.path.join(here, attributes["path"]), "rb") as file:
        return floats(file.read())

def wide(values, count):
    return values * count if len(values) == 1 else values

def where(inputs, attributes):
    count = max(map(len, inputs))
    return [a if hit else b for hit, a, b in zip(*(wide(v, count) for v in inputs))]

registered = {
    "MatMul": lambda i, a: [sum(x * w for x, w in zip(*i))],
    "ReduceSum": lambda i, a: [sum(i[0])],
    "Equal": lambda i, a: [x == y for x, y in zip(i[0], wide(i[1], len(i[0])))],
    "Where": where, "Touch": touch, "ReadFile": read_file,
}
values = {one(data, 8).decode(): tensor(data) for data in every(graph, 5)}
values["x"] = [1.0] * 4
for node in every(graph, 1):
    attributes = {one(a, 1).decode(): one(a, 4).decode() for a in every(node, 5)}
    inputs = [values[name.decode()] for name in every(node, 1)]
    values[one(node, 2).decode()] = registered[one(node, 4).decode()](inputs, attributes)
with open("answer", "w") as file:
    file.write(str(values["y"][0]))
)python";

}  // namespace

std::string_view graph_runtime_script() { return kScript; }

}  // namespace sallyport::drills::victims
