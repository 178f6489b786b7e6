// Pickles of plain data, and of plain data with a few globals: how fast and in how much memory they are
// interpreted.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "bench/bench.h"
#include "core/limits.h"
#include "formats/pickle.h"
#include "tests/differential/peer.h"

namespace sallyport::bench {
namespace {

namespace pickle = formats::pickle;
using namespace std::literals;

constexpr int kRounds = 5;
constexpr std::uint64_t kAgreementPickles = 1'000'000;
constexpr std::size_t kBatch = 1000;         // what Python puts between MARK and APPENDS
constexpr std::size_t kFrame = 64 * 1024;    // what Python's framer cuts at
constexpr std::size_t kSmall = 10'000'000;   // bytes
constexpr std::size_t kLarge = 51'000'000;

// Writes what CPython's pickler writes of nested dicts and lists: a memo entry for each container and each
// key when it is first met, BINGET for it later, batches, and frames from protocol 4 on.
class Writer {
 public:
  explicit Writer(int protocol) : protocol_(protocol) {
    out_ = {'\x80', static_cast<char>(protocol)};
    if (protocol >= 4) open_frame();
  }

  void code(char c) { out_.push_back(c); }
  void raw(std::string_view bytes) { out_ += bytes; }
  void memoize() {
    if (protocol_ >= 4) {
      code('\x94');
    } else if (memo_ < 256) {
      out_ += {'q', static_cast<char>(memo_)};
    } else {
      code('r');
      fixed(memo_, 4);
    }
    ++memo_;
  }
  void fetch(std::uint64_t index) {
    if (index < 256) {
      out_ += {'h', static_cast<char>(index)};
    } else {
      code('j');
      fixed(index, 4);
    }
  }
  void integer(std::uint64_t value) {
    if (value < 256) {
      out_ += {'K', static_cast<char>(value)};
    } else if (value < 65536) {
      code('M');
      fixed(value, 2);
    } else {
      code('J');
      fixed(value, 4);
    }
  }
  void text(std::string_view value) {
    if (protocol_ >= 4) {
      out_ += {'\x8c', static_cast<char>(value.size())};
    } else {
      code('X');
      fixed(value.size(), 4);
    }
    raw(value);
    memoize();
  }
  // Between two objects, where Python's framer cuts as well.
  void cut_frame() {
    if (protocol_ < 4 || out_.size() - frame_ < kFrame) return;
    close_frame();
    open_frame();
  }
  std::size_t size() const { return out_.size(); }
  std::uint64_t memo() const { return memo_; }
  std::string finish() {
    code('.');
    if (protocol_ >= 4) close_frame();
    return std::move(out_);
  }

 private:
  void fixed(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) out_.push_back(static_cast<char>(value >> 8 * i));
  }
  void open_frame() {
    out_ += "\x95"s + std::string(8, '\0');
    frame_ = out_.size();
  }
  void close_frame() {
    const std::uint64_t size = out_.size() - frame_;
    std::memcpy(out_.data() + frame_ - 8, &size, 8);
  }

  int protocol_;
  std::string out_;
  std::uint64_t memo_ = 0;
  std::size_t frame_ = 0;
};

// {"id": i, "tags": [small, numbers, ...], "point": {"x": 1, "y": 2}, "ok": True, "none": None}
void write_record(Writer& writer, std::uint64_t i, std::uint64_t first_key) {
  writer.code('}');
  writer.memoize();
  writer.code('(');
  writer.fetch(first_key);
  writer.integer(i);
  writer.fetch(first_key + 1);
  writer.code(']');
  writer.memoize();
  writer.code('(');
  for (std::uint64_t k = 0; k < 8; ++k) writer.integer((i * 7 + k * 31) % 256);
  writer.code('e');
  writer.fetch(first_key + 2);
  writer.code('}');
  writer.memoize();
  writer.code('(');
  writer.fetch(first_key + 3);
  writer.integer(1);
  writer.fetch(first_key + 4);
  writer.integer(2);
  writer.code('u');
  writer.fetch(first_key + 5);
  writer.code('\x88');
  writer.fetch(first_key + 6);
  writer.code('N');
  writer.code('u');
}

enum class Globals : std::uint8_t { kNone, kFew };

std::string records(int protocol, std::size_t bytes_min, Globals globals) {
  Writer writer(protocol);
  writer.code(']');
  writer.memoize();
  if (globals == Globals::kFew) {
    writer.raw("ccollections\nOrderedDict\n)R");
    writer.memoize();
    writer.code('a');
  }
  const std::uint64_t first_key = writer.memo();
  writer.code('(');
  for (const std::string_view key : {"id", "tags", "point", "x", "y", "ok", "none"}) writer.text(key);
  for (std::uint64_t i = 0; writer.size() < bytes_min; ++i) {
    if (i % kBatch == kBatch - 1) writer.raw("e(");
    write_record(writer, i, first_key);
    writer.cut_frame();
  }
  writer.code('e');
  return writer.finish();
}

class Uses : public pickle::Observer {
 public:
  void on_use(const pickle::Use&, const pickle::Heap&) override { ++count; }
  std::uint64_t count = 0;
};

struct Measured {
  double seconds = 0;
  std::uint64_t opcodes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t peak_bytes = 0;
  bool sound = false;
};

// In a process of its own, whose peak memory is then the file's and the interpreter's, nothing else.
Result<Measured> measure(int protocol, std::size_t bytes_min, Globals globals) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return invalid("no pipe");
  const pid_t child = ::fork();
  if (child < 0) return invalid("no process");
  if (child == 0) {
    const std::string bytes = records(protocol, bytes_min, globals);
    Measured out{.seconds = 1e9, .bytes = bytes.size()};
    for (int i = 0; i < kRounds; ++i) {
      Uses uses;
      const double start = now_s();
      const pickle::Outcome outcome = pickle::interpret(as_bytes(bytes), 0, uses);
      out.seconds = std::min(out.seconds, now_s() - start);
      out.opcodes = outcome.opcodes;
      out.sound = !outcome.error && outcome.divergences.empty() && outcome.end == bytes.size() &&
                  uses.count == (globals == Globals::kNone ? 0U : 2U);
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    out.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * limits::kKiB;
    const ssize_t written = ::write(pipe[1], &out, sizeof out);
    ::_exit(written == sizeof out ? 0 : 1);
  }
  ::close(pipe[1]);
  Measured out;
  const ssize_t got = ::read(pipe[0], &out, sizeof out);
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  if (got != sizeof out) return invalid("the measuring process died");
  if (!out.sound) return invalid("a benign pickle was not interpreted to its end");
  return out;
}

void report(std::vector<Figure>& figures, const std::string& what, const Measured& got, bool promised) {
  const double megabytes = static_cast<double>(got.bytes) / 1e6;
  const double mega_opcodes = static_cast<double>(got.opcodes) / 1e6;
  char how[96];
  std::snprintf(how, sizeof how, "%.1f MB, %.1f million opcodes, best of %d", megabytes, mega_opcodes,
                kRounds);
  const auto target = [&](double value) { return promised ? std::optional(value) : std::nullopt; };
  figures.push_back({.name = what + ": bytes", .value = megabytes / got.seconds, .unit = "MB/s",
                     .target = target(200), .how = how});
  figures.push_back({.name = what + ": opcodes", .value = mega_opcodes / got.seconds, .unit = "million/s",
                     .target = target(80), .how = how});
  figures.push_back({.name = what + ": peak memory", .value = static_cast<double>(got.peak_bytes) / 1e6,
                     .unit = "MB", .target = target(150), .better = Better::kLower,
                     .how = "the whole process, the file in memory"});
}

}  // namespace

// Random valid pickles beside CPython; SALLYPORT_BENCH_PICKLES says how many.
std::string plain_containers(int protocol, std::size_t bytes_min) {
  return records(protocol, bytes_min, Globals::kNone);
}

Result<std::vector<Figure>> bench_pickle_agreement() {
  if (!differential::has_python()) return fail(ErrorKind::kNotFound, "no python3 to compare with");
  const char* const wanted = std::getenv("SALLYPORT_BENCH_PICKLES");
  const std::uint64_t count = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : kAgreementPickles;
  const double start = now_s();
  const differential::Comparison got = TRY(differential::compare_valid(1, count));
  const auto pickles = static_cast<double>(got.pickles);
  const std::string how = std::to_string(got.events) + " imports, calls and changes, in order";
  return std::vector<Figure>{
      {.name = "pickle: random valid pickles compared", .value = pickles, .unit = "pickles",
       .target = static_cast<double>(kAgreementPickles), .how = how},
      {.name = "pickle: of them, not as CPython", .value = static_cast<double>(got.differ), .unit = "pickles",
       .target = 0, .better = Better::kLower, .how = "both of its unpicklers"},
      {.name = "pickle: comparisons", .value = pickles / (now_s() - start), .unit = "per s"}};
}

Result<std::vector<Figure>> bench_pickle() {
  std::vector<Figure> figures;
  for (const int protocol : {2, 4, 5}) {
    for (const std::size_t size : {kSmall, kLarge}) {
      const Measured got = TRY(measure(protocol, size, Globals::kNone));
      report(figures, "pickle: plain, protocol " + std::to_string(protocol), got, true);
    }
  }
  for (const int protocol : {2, 4}) {
    const Measured got = TRY(measure(protocol, kLarge, Globals::kFew));
    report(figures, "pickle: one global, protocol " + std::to_string(protocol), got, false);
  }
  return figures;
}

}  // namespace sallyport::bench
