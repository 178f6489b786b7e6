#include "tests/differential/peer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <sstream>
#include <thread>

#include "tests/differential/journal.h"
#include "tests/differential/random_pickles.h"
#include "tests/paths.h"

extern char** environ;

namespace sallyport::differential {
namespace {

constexpr std::size_t kBatch = 256;
constexpr std::size_t kFirstKept = 5;

bool write_all(int file, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(file, bytes.data() + at, bytes.size() - at);
    if (written <= 0) return false;
    at += static_cast<std::size_t>(written);
  }
  return true;
}

bool read_all(int file, void* into, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t got = ::read(file, static_cast<char*>(into) + at, size - at);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

std::string number(std::size_t value) {
  const auto narrow = static_cast<std::uint32_t>(value);
  std::string out(4, '\0');
  std::memcpy(out.data(), &narrow, 4);
  return out;
}

pid_t spawn_python(const char* script, const char* argument, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  // CPython complains there of objects that its unpickler leaves behind.
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const char* const words[] = {"python3", "-I", "-S", script, argument, nullptr};
  pid_t process = -1;
  const int failed =
      ::posix_spawnp(&process, "python3", &actions, nullptr, const_cast<char* const*>(words), environ);
  posix_spawn_file_actions_destroy(&actions);
  return failed == 0 ? process : -1;
}

struct Section {
  std::string name;
  std::string end;
  std::vector<std::string> events;
};

std::vector<Section> parse(const std::string& answer) {
  std::vector<Section> sections;
  std::istringstream whole(answer);
  for (std::string text; std::getline(whole, text, '\f');) {
    Section section;
    std::istringstream lines(text);
    lines >> section.name >> section.end;
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) section.events.push_back(std::move(line));
    sections.push_back(std::move(section));
  }
  return sections;
}

std::string escaped(const std::string& bytes) {
  std::string out = "b'";
  for (const char c : bytes) {
    char buffer[8];
    std::snprintf(buffer, sizeof buffer, c >= ' ' && c < 127 && c != '\\' && c != '\'' ? "%c" : "\\x%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += buffer;
  }
  return out + "'";
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += "    " + line + "\n";
  return out;
}

// What each line does to what, without arguments, since loaders that read arguments differently still do the
// same; and once where the same follows, since one opcode may be several calls.
std::vector<std::string> deeds(const std::vector<std::string>& events) {
  std::vector<std::string> out;
  for (const std::string& line : events) {
    const std::size_t word = line.find(' ');
    std::string deed = line.substr(0, line.starts_with("persistent") ? word : line.find(' ', word + 1));
    // What INST and OBJ do without arguments depends on what the name stands for.
    if (deed.starts_with("new ")) deed.replace(0, 3, "call");
    if (out.empty() || out.back() != deed) out.push_back(std::move(deed));
  }
  return out;
}

bool is_subsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  auto at = whole.begin();
  for (const std::string& deed : part) {
    at = std::find(at, whole.end(), deed);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
}

}  // namespace

bool has_python() {
  static const bool kHas = std::system("python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' "
                                       ">/dev/null 2>&1") == 0;
  return kHas;
}

Result<Peer> Peer::start(Views views) {
  int down[2];
  int up[2];
  if (::pipe2(down, O_CLOEXEC) != 0) return fail(ErrorKind::kIo, "peer: no pipe");
  if (::pipe2(up, O_CLOEXEC) != 0) return fail(ErrorKind::kIo, "peer: no pipe");
  Peer peer;
  const std::string script = tests::source_dir() + "/tests/differential/pickle_peer.py";
  peer.process_ = spawn_python(script.c_str(), views == Views::kPair ? "pair" : "views", down[0], up[1]);
  peer.to_ = down[1];
  peer.from_ = up[0];
  ::close(down[0]);
  ::close(up[1]);
  if (peer.process_ < 0) return fail(ErrorKind::kNotFound, "peer: python3 cannot be started");
  return peer;
}

Peer::Peer(Peer&& other) noexcept
    : process_(std::exchange(other.process_, -1)),
      to_(std::exchange(other.to_, -1)),
      from_(std::exchange(other.from_, -1)) {}

Peer::~Peer() {
  if (to_ >= 0) ::close(to_);
  if (from_ >= 0) ::close(from_);
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
}

Result<std::vector<std::string>> Peer::ask(const std::vector<std::string>& pickles) {
  std::string batch = number(pickles.size());
  for (const std::string& pickle : pickles) batch += number(pickle.size()) + pickle;
  // The peer answers a batch when it has read it all.
  if (!write_all(to_, batch)) return fail(ErrorKind::kIo, "peer: python3 went away");
  std::vector<std::string> answers(pickles.size());
  for (std::string& answer : answers) {
    std::uint32_t size = 0;
    if (!read_all(from_, &size, 4)) return fail(ErrorKind::kIo, "peer: python3 went away");
    answer.resize(size);
    if (!read_all(from_, answer.data(), size)) return fail(ErrorKind::kIo, "peer: python3 went away");
  }
  return answers;
}

std::vector<std::string> disagreements(const std::string& pickle, const std::string& answer) {
  const std::vector<Section> sections = parse(answer);
  const Journal ours = journal_of(as_bytes(pickle));
  std::vector<std::string> wrong;
  bool differ = false;
  bool any_read = false;
  for (const Section& section : sections) {
    const bool read = section.end == "ok";
    if (!is_subsequence(deeds(section.events), deeds(ours.events))) {
      wrong.push_back(section.name + " does what we do not see");
    }
    if (read && section.name != "tools" && ours.outcome.error && ours.outcome.divergences.empty()) {
      wrong.push_back(section.name + " reads what we refuse: " + ours.outcome.error->message);
    }
    if (section.name == "tools") {
      // It insists on ASCII in STRING, which pickles of Python 2 do not hold to: nothing to report.
      if (section.end == "UnicodeDecodeError") continue;
      differ = differ || (!read && any_read);
    } else {
      differ = differ || read != (sections[0].end == "ok") || section.events != sections[0].events;
      any_read = any_read || read;
    }
  }
  if (differ && ours.outcome.divergences.empty()) wrong.push_back("views differ and we do not say so");
  if (wrong.empty()) return wrong;
  std::string text = escaped(pickle) + "\n";
  for (const Section& section : sections) {
    text += "  " + section.name + " " + section.end + "\n" + joined(section.events);
  }
  text += "  ours " + (ours.outcome.error ? ours.outcome.error->message : "ok") + "\n" + joined(ours.events);
  for (const auto& divergence : ours.outcome.divergences) text += "  diverges: " + divergence.what + "\n";
  wrong.push_back(text);
  return wrong;
}

namespace {

using Judge = std::function<std::vector<std::string>(const std::string& pickle, const std::string& answer)>;

Result<Comparison> compare(Views views, std::uint64_t first, std::uint64_t count,
                           std::string (*make)(std::uint64_t), const Judge& judge) {
  Peer peer = TRY(Peer::start(views));
  Comparison comparison;
  for (std::uint64_t done = 0; done < count;) {
    std::vector<std::string> batch;
    for (; batch.size() < kBatch && done < count; ++done) batch.push_back(make(first + done));
    const std::vector<std::string> answers = TRY(peer.ask(batch));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ++comparison.pickles;
      comparison.events += static_cast<std::uint64_t>(std::count(answers[i].begin(), answers[i].end(), '\n'));
      const std::vector<std::string> wrong = judge(batch[i], answers[i]);
      if (wrong.empty()) continue;
      ++comparison.differ;
      std::string text;
      for (const std::string& line : wrong) text += line + "\n";
      if (comparison.first.size() < kFirstKept) comparison.first.push_back(std::move(text));
    }
  }
  return comparison;
}

}  // namespace

Result<Comparison> compare_valid(std::uint64_t first, std::uint64_t count) {
  return compare(Views::kPair, first, count, random_pickle,
                 [](const std::string& pickle, const std::string& answer) {
                   const Journal ours = journal_of(as_bytes(pickle));
                   std::string text = "both ok";
                   for (const std::string& event : ours.events) text += "\n" + event;
                   if (text == answer && !ours.outcome.error) return std::vector<std::string>();
                   const std::string error = ours.outcome.error ? ours.outcome.error->message : "";
                   return std::vector<std::string>{escaped(pickle), "cpython: " + answer,
                                                   "ours: " + error + " " + text};
                 });
}

Result<Comparison> compare_hostile(std::uint64_t first, std::uint64_t count) {
  return compare(Views::kAll, first, count, hostile_pickle, disagreements);
}

}  // namespace sallyport::differential
