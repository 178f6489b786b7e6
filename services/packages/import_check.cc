#include "services/packages/packages.h"

namespace sallyport::services::packages {

namespace {

// Bytes are read once: what was hashed is what is compiled. Shared objects lie on a read-only mount.
constexpr std::string_view kCheck =
    R"py("""Imports nothing but Python's own library, the project's code and locked packages.

Sallyport puts this file in front of all others; Python loads it as sitecustomize.
"""
import hashlib
import json
import os
import sys
import sysconfig
from importlib import machinery

HERE = os.path.dirname(os.path.abspath(__file__))
SITE = os.path.join(os.path.dirname(HERE), "site") + "/"
with open(os.path.join(HERE, "files.json"), encoding="utf-8") as listed:
    FILES = json.load(listed)
OWN = [os.path.realpath(sysconfig.get_path(name)) + "/" for name in ("stdlib", "platstdlib")]
FOREIGN = ("/site-packages/", "/dist-packages/")
PROJECT = "/project/"


def place_of(path):
    real = os.path.realpath(path)
    if real.startswith(SITE):
        return "locked"
    if any(real.startswith(own) for own in OWN) and not any(part in real for part in FOREIGN):
        return "own"
    return "project" if real.startswith(PROJECT) else "foreign"


def check(path, data):
    where = place_of(path)
    if where == "foreign":
        raise ImportError("sallyport: %s is of no locked package" % path)
    if where == "locked":
        name = os.path.realpath(path)[len(SITE):]
        if FILES.get(name) != hashlib.sha256(data).hexdigest():
            raise ImportError("sallyport: %s is not the file that was locked" % path)


class Source(machinery.SourceFileLoader):
    def get_data(self, path):
        data = super().get_data(path)
        check(path, data)
        return data

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        if place_of(path) == "own":
            return super().get_code(fullname)
        return self.source_to_code(self.get_data(path), path)


class Extension(machinery.ExtensionFileLoader):
    def create_module(self, spec):
        with open(spec.origin, "rb") as file:
            check(spec.origin, file.read())
        return super().create_module(spec)


# Neither archives nor code that was compiled before: there is one way in.
sys.path_hooks[:] = [machinery.FileFinder.path_hook(
    (Extension, machinery.EXTENSION_SUFFIXES), (Source, machinery.SOURCE_SUFFIXES))]
sys.path_importer_cache.clear()
sys.dont_write_bytecode = True
sys.path[:] = [entry for entry in sys.path if not any(part in entry + "/" for part in FOREIGN)]
)py";

}  // namespace

std::string_view import_check() { return kCheck; }

}  // namespace sallyport::services::packages
