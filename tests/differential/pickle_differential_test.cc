// Our interpreter beside CPython's own unpicklers; and every public name of Python's library, called.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>

#include "formats/pickle_names.h"
#include "formats/pickle_policy.h"
#include "formats/pickle_scan.h"
#include "tests/differential/peer.h"
#include "tests/paths.h"

namespace sallyport::differential {
namespace {

using namespace std::literals;

#define SKIP_WITHOUT_PYTHON() \
  if (!has_python()) GTEST_SKIP() << "no python3 to compare with"

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

TEST(PickleDifferential, ValidPicklesDoWhatCPythonDoes) {
  SKIP_WITHOUT_PYTHON();
  const Result<Comparison> got = compare_valid(1, 20'000);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->pickles, 20'000U);
  EXPECT_GT(got->events, 100'000U);
  EXPECT_EQ(got->differ, 0U) << joined(got->first);
}

TEST(PickleDifferential, HostilePicklesHideNothingThatALoaderDoes) {
  SKIP_WITHOUT_PYTHON();
  const Result<Comparison> got = compare_hostile(1, 1'000);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->differ, 0U) << joined(got->first);
}

// Streams made by hand for what loaders are known to read differently: every view of them is asked.
TEST(PickleDifferential, TheViewsAreCPythons) {
  SKIP_WITHOUT_PYTHON();
  const std::string call = "(S'id'\ntR.";
  std::vector<std::string> streams;
  for (const std::string_view line :
       {"I0x10"sv, "I010"sv, "I1_0"sv, "I7\0junk"sv, "I+1"sv, "I-0"sv, "I 1"sv, "I1 "sv, "I"sv, "I\0"sv,
        "I0b11"sv, "I0777777777777777777777777"sv, "L7"sv, "L7L"sv, "LL"sv, "L0x7L"sv, "L7\0L"sv, "F1_0"sv,
        "F 1"sv, "F1\0x"sv, "F1e999"sv, "F-1e999"sv, "F1e-999"sv, "Fnan"sv, "F0x1p3"sv, "F."sv, "S'\\x4'"sv,
        "S'\\'"sv, "S\"a'"sv, "S'"sv, "S'a' "sv, "V\\u12"sv, "V\\U00110000"sv, "V\\"sv, "V\xff"sv,
        "Pa\\x62"sv,
        "P\xff"sv, "P"sv}) {
    streams.push_back(std::string(line) + "\n0cos\nsystem\n" + call);
  }
  for (const std::string_view index : {"-1"sv, "+5"sv, "1_0"sv, " 7 "sv, "007"sv, "5\0x"sv, ""sv, "0x5"sv,
                                       "99999999999999999999999"sv, "9223372036854775807"sv, "00"sv,
                                       "01"sv}) {
    streams.push_back("Np" + std::string(index) + "\n0cos\nsystem\n" + call);
    streams.push_back("Np5\n0g" + std::string(index) + "\n0cos\nsystem\n" + call);
  }
  for (const std::string_view stream :
       {"cos\nsystem\n](S'id'\neR."sv, "cos\nsystem\nS'id'\nR."sv, "cos\nsystem\nNR."sv, "ca\nB\n]\x81."sv,
        "ca\nB\n)]\x92."sv, "ca\nb\n(e."sv, "ca\nb\n(u."sv, "ca\nb\n(\x90."sv, "ca\nb\n(NNNu."sv,
        "ca\nb\n(Nu."sv,
        "K\x01(e."sv, "K\x01(u."sv, "K\x01(\x90."sv, "K\x01}b."sv, "K\x01Nb."sv, "K\x01]b."sv, "K\x01)b."sv,
        "K\x01(N}tb."sv, "K\x01(NNtb."sv, "K\x01(}}tb."sv, "\x96\x01\0\0\0\0\0\0\0a\x98."sv, "\x97\x98."sv,
        "\x82\0."sv, "\x82\x07."sv, "\x84\xff\xff\xff\xff."sv, "\x80\x05\x80\x01N."sv, "\x80\x06N."sv,
        "(0N."sv,
        "N(."sv, "(1."sv, "Nr\xff\xff\xff\x7f."sv, "\x8a\0."sv, "\x8b\xff\xff\xff\xff."sv, "c\nx\n."sv,
        "ca\n\n."sv, "cos\nsystem"sv, "(ios\nsystem"sv, "Pid"sv, "ca\\x62\nc\n."sv, "(ia\xc3\xa9\nb\n."sv,
        "\x95\x04\0\0\0\0\0\0\0cos\nxxsystem\n)R."sv, "\x95\x06\0\0\0\0\0\0\0cos\nxxsystem\n)R."sv,
        "\x95\x20\0\0\0\0\0\0\0cos\nsystem\n)R."sv, "\x95\x02\0\0\0\0\0\0\0N.cos\nsystem\n)R."sv}) {
    streams.emplace_back(stream);
  }
  Result<Peer> peer = Peer::start(Views::kAll);
  ASSERT_TRUE(peer) << peer.error().message;
  const Result<std::vector<std::string>> answers = peer->ask(streams);
  ASSERT_TRUE(answers) << answers.error().message;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    EXPECT_EQ(joined(disagreements(streams[i], (*answers)[i])), "");
  }
}

std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return lines;
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), got);
  }
  ::pclose(pipe);
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(PickleDifferential, TheNamesOfPython2AreCPythons) {
  SKIP_WITHOUT_PYTHON();
  const std::vector<std::string> lines = lines_of(
      "python3 -I -c 'import _compat_pickle as c\n"
      "for (m, n), (a, b) in c.NAME_MAPPING.items(): print(m, n, a, b)\n"
      "for m, a in c.IMPORT_MAPPING.items(): print(m, \"no_such_name\", a, \"no_such_name\")'");
  ASSERT_GT(lines.size(), 100U);
  for (const std::string& line : lines) {
    std::string module, name, new_module, new_name;
    std::istringstream(line) >> module >> name >> new_module >> new_name;
    EXPECT_EQ(formats::pickle::modern_name(module, name), std::pair(new_module, new_name)) << line;
  }
}

// The ways to use a global, with arguments that code would be made of.
std::vector<std::string> uses_of(const std::string& module, const std::string& name) {
  const std::string global = "c" + module + "\n" + name + "\n";
  const std::string stacked =
      "\x80\x04"
      "X" +
      std::string(1, static_cast<char>(module.size())) + "\0\0\0"s + module + "\x8c" +
      std::string(1, static_cast<char>(name.size())) + name + "\x93";
  return {"\x80\x03" + global + "(S'id'\ntR.", "\x80\x03" + global + "(I1\nS'id'\n(lS'id'\natR.",
          "\x80\x03" + global + ")R.",         "\x80\x03(S'id'\ni" + module + "\n" + name + "\n.",
          "\x80\x03(" + global + "S'id'\no.",  stacked + "\x8c\x02id\x85R.",
          stacked + "\x8c\x02id\x85\x81.",     stacked + "(cbuiltins\nobject\nS'system'\ntR."};
}

std::vector<std::string> public_names(const std::string& option) {
  return lines_of("python3 -I -S " + tests::source_dir() + "/tests/differential/public_names.py" + option);
}

// The names of which some use is harmless; each must be on a list of allowed globals.
std::set<std::string> harmless_of(const std::vector<std::string>& names) {
  std::set<std::string> out;
  for (const std::string& line : names) {
    const std::string module = line.substr(0, line.find(' '));
    const std::string name = line.substr(module.size() + 1);
    if (module.size() > 255 || name.size() > 255) continue;
    for (const std::string& pickle : uses_of(module, name)) {
      const formats::pickle::Report report = formats::pickle::scan_pickles(as_bytes(pickle));
      EXPECT_EQ(report.pickles, 1U) << line;
      if (!report.concerns.empty()) continue;
      out.insert(module + "." + name);
      const formats::pickle::Global global{module, name};
      EXPECT_NE(formats::pickle::PolicyTable::built_in().ways_of(global), 0) << line << ": " << pickle;
    }
  }
  return out;
}

// What is installed beside the library, called in eight ways: harmless is only what a pack lists.
TEST(PickleGadgets, NoPublicNameOfAnInstalledPackageIsHarmless) {
  SKIP_WITHOUT_PYTHON();
  std::vector<std::string> names = public_names(" --installed");
  // All of a large installation would take minutes; so many, evenly spread, take seconds.
  constexpr std::size_t kNamesMax = 20'000;
  const std::size_t step = names.size() / kNamesMax + 1;
  for (std::size_t i = 0; i * step < names.size(); ++i) names[i] = names[i * step];
  names.resize(names.size() / step);
  if (names.size() < 100) GTEST_SKIP() << "no packages are installed beside python3";
  EXPECT_LT(harmless_of(names).size(), names.size() / 50);
}

// Every public name of the standard library of the Python at hand, called in eight ways: what is not a data
// type of the handful of modules that the allow table knows is never harmless.
TEST(PickleGadgets, NoPublicNameOfThePythonLibraryIsHarmless) {
  SKIP_WITHOUT_PYTHON();
  const std::vector<std::string> names = public_names("");
  ASSERT_GT(names.size(), 5'000U);
  std::istringstream modules(
      "_codecs _collections argparse array builtins collections copyreg datetime decimal enum fractions "
      "functools ipaddress logging operator pathlib pathlib._local random re string types typing uuid "
      "zoneinfo");
  std::set<std::string> data_modules;
  for (std::string module; modules >> module;) data_modules.insert(module);
  const std::set<std::string> harmless = harmless_of(names);
  for (const std::string& name : harmless) {
    const bool known = std::ranges::any_of(
        data_modules, [&](const std::string& module) { return name.starts_with(module + "."); });
    EXPECT_TRUE(known) << name << " called is harmless";
  }
  EXPECT_LT(harmless.size(), 100U);
  for (const std::string_view name :
       {"builtins.eval", "builtins.exec", "builtins.setattr", "builtins.open", "builtins.__import__",
        "builtins.compile", "builtins.map", "builtins.print", "functools.partial", "operator.attrgetter",
        "operator.methodcaller", "types.FunctionType", "types.CodeType", "logging.FileHandler",
        "copyreg.add_extension", "re.sub", "collections.namedtuple"}) {
    EXPECT_FALSE(harmless.contains(std::string(name))) << name;
  }
}

}  // namespace
}  // namespace sallyport::differential
