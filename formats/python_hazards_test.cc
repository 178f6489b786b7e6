#include "formats/python_hazards.h"

#include <gtest/gtest.h>

namespace sallyport::formats::python {
namespace {

// "rule line severity" of each hazard.
std::string said(std::string_view source) {
  std::string out;
  for (const Hazard& hazard : find_hazards(source)) {
    out += std::string(out.empty() ? "" : "; ") + std::string(hazard.rule) + " " +
           std::to_string(hazard.line) + " " + std::string(name_of(hazard.severity));
  }
  return out;
}

TEST(PythonHazards, ToldByTheArguments) {
  EXPECT_EQ(said("eval('1 + 1')"), "");
  EXPECT_EQ(said("eval(text)"), "code-from-text 1 high");
  EXPECT_EQ(said("run = eval"), "code-from-text 1 high");
  EXPECT_EQ(said("model.eval()\nframe.eval('a + b')"), "");
  EXPECT_EQ(said("import os\nos.system('ls')"), "shell-command 2 low");
  EXPECT_EQ(said("import os\nos.system('ls ' + name)"), "shell-injection 2 high");
  EXPECT_EQ(said("from subprocess import run\nrun(f'ls {name}', shell=True)"), "shell-injection 2 high");
  EXPECT_EQ(said("import subprocess\nsubprocess.run('ls', shell=True)"), "shell-command 2 low");
  EXPECT_EQ(said("import subprocess\nsubprocess.run(['ls', name])"), "");
  EXPECT_EQ(said("import torch\ntorch.load('m', weights_only=True)"), "");
  EXPECT_EQ(said("import torch\ntorch.load('m')"), "unsafe-load 2 medium");
  EXPECT_EQ(said("import torch\ntorch.load('m', **options)"), "");
  EXPECT_EQ(said("import numpy as np\nnp.load('a', allow_pickle=True)"), "unsafe-load 2 medium");
  EXPECT_EQ(said("import yaml\nyaml.load(f, yaml.SafeLoader)\nyaml.load(f, Loader=yaml.FullLoader)"),
            "unsafe-load 3 high");
  EXPECT_EQ(said("import hashlib\nhashlib.md5(b'', usedforsecurity=False)"), "");
}

TEST(PythonHazards, SettingsAndQueriesAndModes) {
  EXPECT_EQ(said("context.check_hostname = False\ncontext.verify_mode = ssl.CERT_NONE"),
            "tls-off 1 high; tls-off 2 high");
  EXPECT_EQ(said("context.verify_mode = ssl.CERT_REQUIRED\nif a.verify == False: pass"), "");
  EXPECT_EQ(said("c.execute('SELECT a FROM b WHERE c = %s', (d,))"), "");
  EXPECT_EQ(said("c.execute('SELECT a FROM b WHERE c = %s' % d)"), "sql-injection 1 high");
  EXPECT_EQ(said("pool.execute(f'task {name}')"), "");
  EXPECT_EQ(said("import os\nos.chmod(p, 0o644)\nos.chmod(p, 0o777)"), "world-writable 3 medium");
  EXPECT_EQ(said("archive.extractall('out')"), "");
  EXPECT_EQ(said("import tarfile\ntarfile.open('a').extractall()"), "archive-traversal 2 medium");
}

// Only code that trains has no business on the network.
TEST(PythonHazards, TheNetworkInTraining) {
  EXPECT_EQ(said("import requests\nrequests.post(url)"), "");
  EXPECT_EQ(said("import requests\nloss.backward()\nrequests.post(url)"), "training-sends 3 medium");
}

TEST(PythonHazards, HostileSourcesEnd) {
  EXPECT_EQ(said(std::string(200'000, '(')), "");
  EXPECT_EQ(said("eval" + std::string(100'000, '(')), "code-from-text 1 high");
  std::string nested;
  for (int i = 0; i < 50'000; ++i) nested += "f(";
  EXPECT_EQ(said(nested), "");
}

}  // namespace
}  // namespace sallyport::formats::python
