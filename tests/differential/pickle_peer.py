"""CPython's side of the differential tests: what its unpicklers resolve and call, in order.

Nothing is imported, called or changed for real: find_class answers stand-ins, which write down how they are
used and act no further. Needs the standard library alone.

Reads batches from standard input and answers on standard output, all numbers 32 bits little-endian:
    batch   count, then for each pickle its length and bytes
    answer  for each pickle a length and a text: one section a view, separated by form feeds
    section "NAME ok" or "NAME ExceptionType" in the first line, then an event a line
The argument "pair" asks for the C unpickler and pickle.py from memory and, when both agree, for one section
"both"; "views" for every view there is.
"""

import _compat_pickle
import _pickle
import copyreg
import io
import itertools
import pickle
import pickletools
import resource
import struct
import sys
import warnings

DEPTH_MAX = 3
KEPT_MAX = 32
MEMORY_MAX = 256 << 20
STAND_INS_MAX = 5000

EXTENSIONS = {1: ("ext", "One"), 2: ("ext", "two"), 300: ("ext", "Three"), 70000: ("ext", "Four")}

log = []
made = 0
asked = 0


def several(values, depth):
    return ",".join([render(value, depth) for value in values])


def render(value, depth=0):
    kind = type(value)
    if kind is str:
        return "s" + value.encode("utf-8", "surrogatepass").hex()
    if kind is int:
        return f"i{value}" if -(1 << 63) <= value < 1 << 63 else "i?"
    if isinstance(value, (Thing, Meta)):
        return value.label
    if value is None:
        return "N"
    if kind is bool:
        return "b1" if value else "b0"
    if kind is float:
        return "f"
    if kind is bytes:
        return "y" + value.hex()
    if kind is bytearray:
        return "a" + value.hex()
    if kind is memoryview:
        return "m"
    if depth == DEPTH_MAX:
        return "?"
    if len(value) > KEPT_MAX and kind in (tuple, list):
        return f"#{len(value)}"
    depth += 1
    if kind is tuple:
        return "(" + several(value, depth) + ")"
    if kind is list:
        return "[" + several(value, depth) + "]"
    if kind is dict:
        pairs = [render(key, depth) + ":" + render(item, depth) for key, item in value.items()]
        return "{" + ",".join(pairs) + "}"
    opening, closing = ("<", ">") if kind is set else ("|<", ">|")
    return opening + ",".join(sorted([render(item, depth) for item in value])) + closing


def made_by(how, target, arguments, keywords):
    global made
    log.append(f"{how} {target.label} {render(arguments)} {render(keywords)}")
    made += 1
    return Thing(f"o{made - 1}")


class Thing:
    """A function, what a call returned or what persistent_load returned."""

    __slots__ = ("label",)

    def __init__(self, label):
        self.label = label

    def __call__(self, *arguments, **keywords):
        return made_by("call", self, arguments, keywords)

    def __setstate__(self, state):
        log.append(f"build {self.label} {render(state)}")

    def __setitem__(self, key, value):
        log.append(f"fill {self.label} {render(key)},{render(value)}")

    def extend(self, items):
        log.append(f"fill {self.label} {several(items, 0)}")

    def append(self, item):
        log.append(f"fill {self.label} {render(item)}")

    add = append


class Method:
    """A method of Thing for a class itself, where a loader looks for it as if the class were an object."""

    def __init__(self, name):
        self.function = getattr(Thing, name)

    def __get__(self, instance, owner):
        return lambda value: self.function(owner, value)


class Meta(type):
    def __call__(cls, *arguments, **keywords):
        return made_by("call", cls, arguments, keywords)

    def __setitem__(cls, key, value):
        log.append(f"fill {cls.label} {render(key)},{render(value)}")


def make_class(label):
    def new(cls, *arguments, **keywords):
        return made_by("new", cls, arguments, keywords)

    members = {name: Method(name) for name in ("__setstate__", "extend", "append", "add")}
    return Meta("StandIn", (), {"__new__": new, "label": label, **members})


stand_ins = {}


def stand_in(module, name):
    label = "g:" + "".join([c if c > " " else f"%{ord(c):02x}" for c in f"{module}.{name}"])
    log.append("import " + label)
    known = stand_ins.get(label)
    if known is None:
        if len(stand_ins) > STAND_INS_MAX:
            stand_ins.clear()
        known = make_class(label) if name[:1].isupper() else Thing(label)
        stand_ins[label] = known
    return known


def ask(identity):
    global asked
    log.append("persistent " + render(identity))
    asked += 1
    return Thing(f"p{asked - 1}")


def modern(module, name):
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[(module, name)]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


protocols = []


class CUnpickler(_pickle.Unpickler):
    """Its protocol is not to be seen, so the names of Python 2 are mapped when pickle.py has said it."""

    def find_class(self, module, name):
        if protocols and protocols.pop(0) < 3:
            module, name = modern(module, name)
        return stand_in(module, name)

    def persistent_load(self, identity):
        return ask(identity)


class PyUnpickler(pickle._Unpickler):
    def find_class(self, module, name):
        protocols.append(self.proto)
        if self.proto < 3:
            module, name = modern(module, name)
        return stand_in(module, name)

    def persistent_load(self, identity):
        return ask(identity)


def run(action):
    """The events of one view, and how it ended."""
    global log, made, asked
    log, made, asked = [], 0, 0
    copyreg._extension_cache.clear()
    try:
        action()
        end = "ok"
    except Exception as error:  # Whatever a hostile stream raises ends the view.
        end = type(error).__name__
    return end, log


OPTIONS = {"encoding": "latin1", "errors": "strict"}


def load(unpickler, source):
    unpickler(source, buffers=itertools.repeat(memoryview(b"buffer")), **OPTIONS).load()


class Whole(io.BytesIO):
    """A file whose peek shows everything: to the C unpickler the same as bytes in memory."""

    def peek(self, _size):
        at = self.tell()
        rest = self.read()
        self.seek(at)
        return rest


def section(name, end, events):
    return "\n".join([f"{name} {end}", *events])


def answer_pair(data):
    protocols.clear()
    python = run(lambda: load(PyUnpickler, io.BytesIO(data)))
    c = run(lambda: load(CUnpickler, io.BytesIO(data)))
    if c == python:
        return section("both", *c)
    return section("python", *python) + "\f" + section("c", *c)


def answer_views(data):
    views = (
        ("python", lambda: load(PyUnpickler, io.BytesIO(data))),
        ("memory", lambda: load(CUnpickler, Whole(data))),
        ("stream", lambda: load(CUnpickler, io.BytesIO(data))),
        ("file", lambda: load(CUnpickler, io.BufferedReader(io.BytesIO(data), 8192))),
        ("tools", lambda: [None for _ in pickletools.genops(data)]),
    )
    sections = []
    for name, action in views:
        protocols.clear()
        sections.append(section(name, *run(action)))
    return "\f".join(sections)


def main():
    answer = {"pair": answer_pair, "views": answer_views}[sys.argv[1]]
    warnings.simplefilter("ignore")  # a strange escape is no news here
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    copyreg._inverted_registry.update(EXTENSIONS)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while header := source.read(4):
        parts = []
        for _ in range(struct.unpack("<I", header)[0]):
            (length,) = struct.unpack("<I", source.read(4))
            text = answer(source.read(length)).encode("utf-8", "surrogatepass")
            parts += (struct.pack("<I", len(text)), text)
        sink.write(b"".join(parts))
        sink.flush()


main()
