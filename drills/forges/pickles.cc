#include "drills/forges/pickles.h"

#include "drills/forges/assembler.h"

namespace sallyport::drills::forges {
namespace {

using namespace std::literals;

const std::string kPath = binunicode(kMark);
const std::string kStatement = binunicode("__import__('os').mkdir('mark')");
const std::string kMkdir = global("os", "mkdir");
const std::string kAct = call(kMkdir, {kPath});

void add(std::vector<HostilePickle>& out, std::string name, std::string bytes, std::string suffix = ".pkl") {
  out.push_back({std::move(name), std::move(suffix), std::move(bytes)});
}

// One opcode or another makes the call.
void add_calls(std::vector<HostilePickle>& out) {
  add(out, "reduce_0", "cos\nmkdir\n(S'mark'\ntR.");
  add(out, "reduce_1", "cposix\nmkdir\nq\x00(U\x04markq\x01tq\x02Rq\x03."s);
  add(out, "reduce_2", proto(2) + kMkdir + kPath + "\x85R.");
  add(out, "reduce_3", proto(3) + kMkdir + kPath + "\x85R.");
  add(out, "reduce_4", proto(4) + framed(stack_global("posix", "mkdir") + short_unicode(kMark) + "\x85R."));
  add(out, "reduce_5", proto(5) + framed(stack_global("posix", "mkdir") + short_unicode(kMark) + "\x85R."));
  add(out, "inst", "(S'mark'\nios\nmkdir\n.");
  add(out, "inst_posix", "(" + kPath + "iposix\nmkdir\n.");
  add(out, "obj", "(" + kMkdir + kPath + "o.");
  add(out, "obj_memo",
      kMkdir +
          "q\x05"
          "0(h\x05" +
          kPath + "o.");
  const std::string mapped = proto(4) + global("builtins", "map") + "(" + kMkdir + "](" + kPath + "et\x81";
  add(out, "newobj", proto(4) + global("builtins", "tuple") + mapped.substr(2) + "\x85\x81.");
  add(out, "newobj_ex",
      proto(4) + global("builtins", "tuple") + global("builtins", "map") + "(" + kMkdir + "](" + kPath +
          "et}\x92\x85}\x92.");
  add(out, "list_of_map",
      call(global("builtins", "list"), {call(global("builtins", "map"), {kMkdir, "](" + kPath + "e"})}) +
          ".");
  add(out, "build_partial",
      call(global("functools", "partial"), {global("builtins", "print")}) + "(" + kMkdir + ")}}tb" + kPath +
          "\x85R.");
}

// The name of what is called is not where a scan of opcode arguments looks for it.
void add_names(std::vector<HostilePickle>& out) {
  const auto end = kPath + "\x85R.";
  add(out, "memoized_names",
      proto(4) + short_unicode("mkdir") +
          "\x94"
          "0" +
          short_unicode("posix") +
          "\x94"
          "0h\x01h\x00\x93"s +
          end);
  add(out, "binput_names",
      proto(4) + short_unicode("mkdir") +
          "q\x09"
          "0" +
          short_unicode("os") +
          "q\x07"
          "0h\x07h\x09\x93" +
          end);
  add(out, "text_memo_names", proto(4) + "Vmkdir\np0077\n0Vos\np5\n0g5\ng77\n\x93" + end);
  add(out, "far_memo_names",
      proto(4) +
          "Vmkdir\nr\xff\xff\x01\0"
          "0Vos\nr\xff\xfe\x01\0"
          "0j\xff\xfe\x01\0j\xff\xff\x01\0\x93"s +
          end);
  add(out, "memo_redefined",
      proto(4) + short_unicode("print") +
          "q\x01"
          "0" +
          short_unicode("mkdir") +
          "q\x01"
          "0" +
          short_unicode("os") + "h\x01\x93" + end);
  add(out, "escaped_names", proto(4) + "S'p\\x6f\\163ix'\nS\"m\\x6bdir\"\n\x93" + end);
  add(out, "unicode_escaped_names", proto(4) + "V\\u0070osix\nVmk\\U00000064ir\n\x93" + end);
  add(out, "unicode8_names", proto(4) + unicode8("posix") + unicode8("mkdir") + "\x93" + end);
  add(out, "bytestring_names", proto(4) + short_string("posix") + short_string("mkdir") + "\x93" + end);
  add(out, "names_far_apart",
      proto(4) + short_unicode("posix") + short_unicode("x") + short_unicode("y") + "00" +
          short_unicode("mkdir") + "\x93" + end);
  add(out, "global_memoized",
      kMkdir +
          "q\x01"
          "0N0h\x01" +
          end);
  add(out, "duplicated", kMkdir + "2" + kPath + "\x85R0" + "0N.");
  const std::string add_extension = global("copyreg", "add_extension");
  const auto registered = [&](const std::string& code) {
    return proto(2) + call(add_extension, {binunicode("posix"), binunicode("mkdir"), code}) + "0";
  };
  add(out, "extension_registry_1", registered("K\xf0") + "\x82\xf0" + end);
  add(out, "extension_registry_2", registered("M\xe8\x03") + "\x83\xe8\x03" + end);
  add(out, "extension_registry_4", registered("J\xa0\x86\x01\0"s) + "\x84\xa0\x86\x01\0"s + end);
  add(out, "dotted_through_shutil", proto(4) + stack_global("shutil", "os.mkdir") + end);
  add(out, "dotted_through_random", proto(4) + stack_global("random", "_os.mkdir") + end);
  add(out, "dotted_path",
      proto(4) + stack_global("pathlib", "Path.mkdir") + call(global("pathlib", "Path"), {kPath}) + "\x85R.");
}

// Bytes around the call that stop a parser which is stricter, or looser, than the loader.
void add_streams(std::vector<HostilePickle>& out) {
  add(out, "hex_int_before", "I0x10\n0" + kAct + ".");
  add(out, "octal_int_before", "I010\n0" + kAct + ".");
  add(out, "int_with_nul_before", "I7\0junk\n0"s + kAct + ".");
  add(out, "binary_long_before", "L0b11L\n0" + kAct + ".");
  add(out, "underscores_before", "L1_000L\n0" + kAct + ".");
  add(out, "infinite_float_before", "Finfinity\n0" + kAct + ".");
  add(out, "marks_before",
      "(((((1111"
      "1" +
          kAct + ".");
  add(out, "popped_mark", "(0" + kAct + ".");
  add(out, "second_pickle", "N." + kAct + ".");
  add(out, "third_pickle", proto(4) + "K\x01." + proto(2) + "]." + proto(2) + kAct + ".");
  add(out, "acts_then_unknown_opcode", kAct + "\xff\xff");
  add(out, "acts_then_ends", kAct);
  add(out, "acts_then_empty_memo", kAct + "h\xc8.");
  add(out, "acts_then_underflow", kAct + "0000.");
  add(out, "acts_then_bad_protocol", kAct + proto(99) + ".");
  add(out, "result_popped", kAct + "0N.");
  add(out, "late_protocol", "N0" + proto(2) + kAct + proto(5) + ".");
  add(out, "unframed_4", stack_global("posix", "mkdir") + kPath + "\x85R.");
  std::string padding = "](";
  for (int i = 0; i < 100'000; ++i) padding += "K\x01";
  add(out, "far_behind", padding + "e0" + kAct + ".");
  add(out, "many_globals_before", [] {
    std::string text;
    for (int i = 0; i < 500; ++i) text += global("collections", "OrderedDict") + "0";
    return text + kAct + ".";
  }());
}

// What is called is none of the names that every list forbids.
void add_gadgets(std::vector<HostilePickle>& out) {
  const auto one = [&](std::string name, std::string module, std::string callable,
                       std::vector<std::string> arguments) {
    add(out, std::move(name), call(global(module, callable), arguments) + ".");
  };
  const std::string write = binunicode("w");
  one("eval", "builtins", "eval", {kStatement});
  one("exec_python2", "__builtin__", "eval", {kStatement});
  one("exec", "builtins", "exec", {kStatement});
  one("system", "os", "system", {binunicode("mkdir mark")});
  one("subprocess", "subprocess", "check_output", {"](" + binunicode("mkdir") + kPath + "e"});
  one("commands", "commands", "getoutput", {binunicode("mkdir mark")});
  one("timeit", "timeit", "timeit", {binunicode("pass"), kStatement});
  one("cprofile", "cProfile", "run", {kStatement});
  one("profile", "profile", "run", {kStatement});
  one("reduce_function", "functools", "reduce",
      {kMkdir, "](" + kPath +
                   "M\xff\x01"
                   "e"});
  one("file_io", "_io", "FileIO", {kPath, write});
  one("open", "builtins", "open", {kPath, write});
  one("codecs_open", "codecs", "open", {kPath, write});
  one("log_file", "logging", "FileHandler", {kPath});
  one("zip_file", "zipfile", "ZipFile", {kPath, write});
  one("tar_file", "tarfile", "open", {kPath, write});
  one("make_dirs", "os", "makedirs", {kPath});
  one("pickle_loads", "pickle", "loads", {bytes_literal(kAct + ".")});
  one("cpickle_loads", "_pickle", "loads", {bytes_literal(kAct + ".")});
  const std::string os = call(global("builtins", "__import__"), {binunicode("os")});
  add(out, "import_getattr",
      call(call(global("builtins", "getattr"), {os, binunicode("mkdir")}), {kPath}) + ".");
  add(out, "import_module",
      call(call(global("builtins", "getattr"),
                {call(global("importlib", "import_module"), {binunicode("os")}), binunicode("mkdir")}),
           {kPath}) +
          ".");
  add(out, "attrgetter",
      call(call(call(global("operator", "attrgetter"), {binunicode("mkdir")}), {os}), {kPath}) + ".");
  add(out, "methodcaller",
      call(call(global("operator", "methodcaller"), {binunicode("mkdir"), kPath}), {os}) + ".");
  add(out, "partial", call(call(global("functools", "partial"), {kMkdir}), {kPath}) + ".");
  add(out, "pydoc_locate", call(call(global("pydoc", "locate"), {binunicode("os.mkdir")}), {kPath}) + ".");
  add(out, "resolve_name",
      call(call(global("pkgutil", "resolve_name"), {binunicode("os:mkdir")}), {kPath}) + ".");
  add(out, "starmap",
      call(global("builtins", "list"), {call(global("itertools", "starmap"), {kMkdir, "](" + kPath +
                                                                                          "\x85"
                                                                                          "e"})}) +
          ".");
  add(out, "ordered_dict_of_map",
      call(global("collections", "OrderedDict"),
           {call(global("builtins", "map"), {kMkdir, "](" + kPath + "e"})}) +
          ".");
}

// The pickle lies inside of something else.
void add_containers(std::vector<HostilePickle>& out) {
  const std::string act = proto(2) + kAct + ".";
  add(out, "gzip", gzipped(act), ".gz");
  add(out, "gzip_members", gzipped(act.substr(0, 9)) + gzipped(act.substr(9)), ".gz");
  add(out, "zlib", zlibbed(act), ".zlib");
  add(out, "zip_stored", zipped({{.name = "model.pkl", .data = act}}), ".zip");
  add(out, "zip_deflated",
      zipped({{.name = "readme.txt", .data = "text"}, {.name = "model.pkl", .data = act, .deflate = true}}),
      ".zip");
  add(out, "zip_prefixed", "#!/bin/sh\nexit 0\n" + zipped({{.name = "model.pkl", .data = act}}), ".zip");
  add(out, "zip_in_zip",
      zipped({{.name = "inner.zip",
               .data = zipped({{.name = "model.pkl", .data = act, .deflate = true}}),
               .deflate = true}}),
      ".zip");
  add(out, "gzip_in_zip", zipped({{.name = "model.gz", .data = gzipped(act)}}), ".zip");
  add(out, "tar", tarred("model.pkl", act), ".tar");
  add(out, "npy", npy_object(act), ".npy");
  add(out, "npz", zipped({{.name = "weights.npy", .data = npy_object(act), .deflate = true}}), ".npz");
  const std::string state = proto(2) + "}(" + binunicode("w") + "(" + binunicode("storage") +
                            binunicode("0") + "tQ" + binunicode("b") + kAct + "u.";
  add(out, "torch_zip",
      zipped({{.name = "archive/data.pkl", .data = state},
              {.name = "archive/data/0", .data = std::string(64, '\x7f')},
              {.name = "archive/version", .data = "3\n"}}),
      ".pt");
  add(out, "torch_zip_two_names",
      zipped({{.name = "archive/data.pkl", .data = state, .local_name = "archive/notes.txt"}}), ".pt");
  add(out, "torch_legacy",
      proto(2) + "\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19." + proto(2) + "M\xe9\x03." + proto(2) + "}." + state,
      ".pkl");
  add(out, "renamed_gzip", gzipped(act), ".bin");
}

// What is called is an attribute, an item or a state of something that the pickle itself has changed.
void add_states(std::vector<HostilePickle>& out) {
  const auto of = [](const std::string& attribute, const std::string& value) {
    return "}" + binunicode(attribute) + value + "s";
  };
  const std::string name_space = call(global("types", "SimpleNamespace"), {});
  const std::string os = call(global("builtins", "__import__"), {binunicode("os")});
  add(out, "build_setstate", name_space + of("__setstate__", kMkdir) + "b" + kPath + "b.");
  add(out, "build_append", name_space + of("append", kMkdir) + "b" + kPath + "a.");
  add(out, "build_add", proto(4) + name_space + of("add", kMkdir) + "b(" + kPath + "\x90.");
  add(out, "build_on_class",
      global("argparse", "Namespace") + "N" + of("__setstate__", kMkdir) + "\x86" + "b0" +
          global("argparse", "Namespace") + ")\x81" + kPath + "b.");
  add(out, "build_on_module",
      call(global("builtins", "__import__"), {binunicode("string")}) + of("weights", kMkdir) + "b0" +
          global("string", "weights") + kPath + "\x85R.");
  add(out, "setitem_on_modules",
      global("sys", "modules") + binunicode("weights") + os + "s0" + global("weights", "mkdir") + kPath +
          "\x85R.");
  add(out, "persistent_callable", kMkdir + "Q" + kPath + "\x85R.");
  add(out, "default_factory",
      call(global("operator", "getitem"), {call(global("collections", "defaultdict"),
                                                {call(global("functools", "partial"), {kMkdir, kPath})}),
                                           binunicode("x")}) +
          ".");
  add(out, "at_exit", call(global("atexit", "register"), {kMkdir, kPath}) + ".");
}

// An allowed type or helper that iterates over what calls.
void add_iterations(std::vector<HostilePickle>& out) {
  const std::string paths = "](" + kPath + "e";
  const std::string mapped = call(global("builtins", "map"), {kMkdir, paths});
  for (const char* type : {"set", "frozenset", "tuple", "dict", "bytes", "bytearray", "sorted", "any"}) {
    add(out, std::string(type) + "_of_map", call(global("builtins", type), {mapped}) + ".");
  }
  add(out, "deque_of_map", call(global("collections", "deque"), {mapped}) + ".");
  add(out, "counter_of_map", call(global("collections", "Counter"), {mapped}) + ".");
  add(out, "newobj_helper",
      call(global("copyreg", "__newobj__"), {global("builtins", "tuple"), mapped}) + ".");
  add(out, "reconstructor",
      call(global("copyreg", "_reconstructor"),
           {global("builtins", "list"), global("builtins", "list"), mapped}) +
          ".");
  for (const char* function : {"filterfalse", "takewhile", "dropwhile"}) {
    const std::string lazy = call(global("itertools", function), {kMkdir, paths});
    add(out, function, call(global("builtins", "list"), {lazy}) + ".");
  }
  const std::string filtered = call(global("builtins", "filter"), {kMkdir, paths});
  add(out, "filter", call(global("builtins", "list"), {filtered}) + ".");
}

// A pickle held as bytes by another, packed or not; and each pickle of a legacy torch file.
void add_nested(std::vector<HostilePickle>& out) {
  const std::string act = kAct + ".";
  const auto loads = [](const std::string& bytes) { return call(global("pickle", "loads"), {bytes}); };
  add(out, "loads_of_loads", loads(bytes_literal(loads(bytes_literal(act)) + ".")) + ".");
  add(out, "loads_of_zlib", loads(call(global("zlib", "decompress"), {bytes_literal(zlibbed(act))})) + ".");
  add(out, "loads_of_gzip", loads(call(global("gzip", "decompress"), {bytes_literal(gzipped(act))})) + ".");
  add(out, "loads_of_text",
      loads(call(global("_codecs", "encode"), {binunicode(act), binunicode("latin1")})) + ".");
  add(out, "zip_in_tar", tarred("model.zip", zipped({{.name = "model.pkl", .data = act}})), ".tar");
  add(out, "inside_a_key", "}" + kAct + "Ns.");
  add(out, "popped_with_its_mark", "N(" + kAct + "1.");
  add(out, "far_text_memo", kMkdir + "p1000003\n0g1000003\n" + kPath + "\x85R.");
  add(out, "negative_hex_before", "L-0x10L\n0" + act);
  const std::vector<std::string> parts{proto(2) + "\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.",
                                       proto(2) + "M\xe9\x03.", proto(2) + "}.", proto(2) + "}.",
                                       proto(2) + "]."};
  for (std::size_t hostile = 0; hostile < parts.size(); ++hostile) {
    std::string file;
    for (std::size_t i = 0; i < parts.size(); ++i) file += i == hostile ? proto(2) + act : parts[i];
    add(out, "torch_legacy_" + std::to_string(hostile + 1), file);
  }
}

}  // namespace

const std::vector<HostilePickle>& hostile_pickles() {
  static const std::vector<HostilePickle> kAll = [] {
    std::vector<HostilePickle> out;
    add_calls(out);
    add_names(out);
    add_streams(out);
    add_gadgets(out);
    add_containers(out);
    add_states(out);
    add_iterations(out);
    add_nested(out);
    return out;
  }();
  return kAll;
}

}  // namespace sallyport::drills::forges
