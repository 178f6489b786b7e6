// What source beside weights would do, and when, over the ways to hide it.
#include "formats/python_acts.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sallyport::formats::python {
namespace {

// "import os.system; call pickle.load"
std::string acts(std::string_view source) {
  std::string out;
  for (const Act& act : find_acts(source)) {
    const char* when = act.when == When::kImport ? "import " : act.when == When::kModel ? "model " : "call ";
    out += (out.empty() ? "" : "; ") + std::string(when) + act.name;
  }
  return out;
}

TEST(PythonActs, HoweverAFunctionIsReached) {
  const struct {
    std::string_view source;
    std::string_view expected;
  } kCases[] = {
      {"import os\nos.system('x')\n", "import os.system"},
      {"import os as o\nf = o.system\nf('x')\n", "import os.system; import os.system"},
      {"import os\no = os\no.system('x')\n", "import os.system"},
      {"from os import *\nsystem('x')\n", "import os.system; import os.*"},
      {"import os\nlist(map(os.system, ['x']))\n", "import os.system"},
      {"import os\nclass X(metaclass=os.system): pass\n", "import os.system"},
      {"import os\n@os.system\ndef f(): pass\n", "import os.system"},
      {"import os\ngetattr(os, 'sys' 'tem')('x')\n", "import os.system"},
      {"import os\ngetattr(os, 'sys' + 'tem')('x')\n", "import getattr(os, ...)"},
      {"import os\ngetattr(os, '\\x73ystem')('x')\n", "import getattr(os, ...)"},
      {"import os\nvars(os)['system']('x')\n", "import vars(os)"},
      {"import os\nos.__dict__['system']('x')\n", "import os.__dict__"},
      {"import sys\nsys.modules['os'].system('x')\n", "import sys.modules['os']"},
      {"import importlib\nimportlib.import_module('os').system('x')\n", "import importlib.import_module"},
      {"__builtins__.__dict__['eval']('x')\n", "import __builtins__.__dict__"},
      {"().__class__.__base__.__subclasses__()\nx.__subclasses__()\n", "import x.__subclasses__"},
      {"import os\nf\"{os.system('x')}\"\n", "import os.system"},
      {"import os\nf'{f\"{os.system(1)}\"}'\n", "import os.system"},
      {"# a comment\rimport os\ros.system('x')\r", "import os.system"},
      {"import \xEF\xBD\x8Fs\n\xEF\xBD\x8Fs.path\n", "import \xEF\xBD\x8Fs; import \xEF\xBD\x8Fs.path"},
      {"import os\nx = 1; \\\n  os.system('x')\n", "import os.system"},
  };
  for (const auto& [source, expected] : kCases) EXPECT_EQ(acts(source), expected) << source;
}

TEST(PythonActs, WhenItHappens) {
  EXPECT_EQ(acts("import os\ndef f():\n  os.system('x')\n"), "call os.system");
  EXPECT_EQ(acts("import os\ndef f():\n  os.system('x')\nf()\n"), "import os.system");
  EXPECT_EQ(acts("import os\ndef f():\n  os.system('x')\ndef g(): f()\n@g\ndef h(): pass\n"),
            "import os.system");
  EXPECT_EQ(acts("import os\ndef f(a=\n  os.system('x')):\n  pass\n"), "import os.system");
  EXPECT_EQ(acts("import os\ndef f(): os.system('x')\n"), "call os.system");
  EXPECT_EQ(acts("import os\nclass A:\n  os.system('x')\n"), "import os.system");
  EXPECT_EQ(acts("import os\nclass A:\n  def __init__(self):\n    os.system('x')\n"), "model os.system");
  EXPECT_EQ(acts("import os\nclass A:\n  def forward(self):\n    os.system('x')\n"), "model os.system");
  EXPECT_EQ(acts("import os\nclass A:\n  def __init__(self):\n    os.system('x')\nA()\n"),
            "import os.system");
  EXPECT_EQ(acts("import os\nclass A:\n  def __init_subclass__(cls):\n    os.system('x')\n"),
            "import os.system");
  EXPECT_EQ(acts("import os\nif __name__ == '__main__':\n  os.system('x')\n"), "call os.system");
  EXPECT_EQ(acts("import os\n__name__ = '__main__'\nif __name__ == '__main__':\n  os.system('x')\n"),
            "import os.system");
}

TEST(PythonActs, HonestCodeDoesNothing) {
  EXPECT_EQ(acts("import os, sys, ctypes, socket, importlib\n"
                 "p = os.path.join(os.getcwd(), 'a')\nflag = getattr(os, 'O_BINARY', 0)\n"
                 "n = ctypes.c_int(3)\nthis = sys.modules[__name__]\n"
                 "t = importlib.import_module('torch')\n"
                 "try:\n  pass\nexcept socket.timeout:\n  pass\n"
                 "class A:\n  def all(self):\n    return self.__class__.__subclasses__()\n"
                 "s = f'{p!r:>{n}} {{os.system}}'\n"),
            "");
}

TEST(PythonActs, EncodingsThatHide) {
  EXPECT_EQ(hiding_encoding("# -*- coding: utf-7 -*-\n"), "utf-7");
  EXPECT_EQ(hiding_encoding("#!/usr/bin/python\n# vim: set fileencoding=unicode_escape :\n"),
            "unicode_escape");
  EXPECT_EQ(hiding_encoding("# coding: UTF-8\n"), "");
  EXPECT_EQ(hiding_encoding("# coding=latin-1\n"), "");
  EXPECT_EQ(hiding_encoding("x = 1\n# coding: utf-7\n"), "");
  EXPECT_EQ(hiding_encoding("\n\n# coding: utf-7\n"), "");
}

TEST(PythonActs, NestedSourcesEnd) {
  std::string nested = "import os\n";
  for (int i = 0; i < 20'000; ++i) nested += "os.system(";
  EXPECT_EQ(find_acts(nested).size(), 20'000U);
  std::string chain = "import os\na0 = os\n";
  for (int i = 0; i < 20'000; ++i) {
    chain += "a" + std::to_string(i + 1) + " = a" + std::to_string(i) + ".x\n";
  }
  EXPECT_TRUE(find_acts(chain).empty());
}

}  // namespace
}  // namespace sallyport::formats::python
