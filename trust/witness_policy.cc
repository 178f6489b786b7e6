#include "trust/witness_policy.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "core/limits/witness.h"

namespace sallyport::trust {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
  Words out;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return out;
    const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
    out.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

bool has_other_controls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
  });
}

// Reads line by line; what was said before is all that a line can refer to.
class PolicyReader {
 public:
  Result<void> line(const Words& words) {
    const std::string_view verb = words.front();
    if (verb == "log") return log(words);
    if (verb == "witness") return witness(words);
    if (verb == "group") return group(words);
    if (verb == "quorum") return quorum(words);
    return invalid(shown(verb) + " is none of log, witness, group and quorum");
  }
  Result<WitnessPolicy> finish() {
    if (!has_quorum_) return invalid("no line says the quorum");
    return std::move(out_);
  }

 private:
  Result<void> log(const Words& words) {
    if (words.size() < 2 || words.size() > 3) return invalid("not: log KEY [URL]");
    VerifierKey key = TRY(parse_verifier_key(words[1]));
    if (key.type != NoteKeyType::kEd25519) return invalid("the key is not one that a log signs with");
    if (!log_keys_.insert(key.key.keyid()).second) return invalid("a log's key again");
    out_.logs.push_back({std::move(key), std::string(words.size() == 3 ? words[2] : "")});
    return {};
  }

  Result<void> witness(const Words& words) {
    if (words.size() < 3 || words.size() > 4) return invalid("not: witness NAME KEY [URL]");
    VerifierKey key = TRY(parse_verifier_key(words[2]));
    if (key.type != NoteKeyType::kCosignature) return invalid("the key is not one that a witness signs with");
    if (!witness_keys_.insert(key.key.keyid()).second) return invalid("a witness's key again");
    PolicyNode node;
    node.witness = out_.witnesses.size();
    TRY(define(words[1], std::move(node)));
    out_.witnesses.push_back(
        {std::string(words[1]), std::move(key), std::string(words.size() == 4 ? words[3] : "")});
    return {};
  }

  Result<void> group(const Words& words) {
    if (words.size() < 4) return invalid("not: group NAME all|any|K MEMBER...");
    PolicyNode node;
    for (const std::string_view word : std::span(words).subspan(3)) {
      const std::size_t member = TRY(find(word));
      if (!members_.insert(member).second) return invalid(shown(word) + " is a member already");
      node.members.push_back(member);
    }
    if (words[2] == "all") {
      node.threshold = node.members.size();
    } else if (words[2] != "any") {
      const auto number = parse_tree_size(words[2]);
      if (!number || *number < 1 || *number > node.members.size())
        return invalid(shown(words[2]) + " is neither all, any nor 1 to the number of members");
      node.threshold = *number;
    }
    return define(words[1], std::move(node));
  }

  Result<void> quorum(const Words& words) {
    if (words.size() != 2) return invalid("not: quorum NAME");
    if (has_quorum_) return invalid("a second quorum");
    has_quorum_ = true;
    if (words[1] != "none") out_.quorum = TRY(find(words[1]));
    return {};
  }

  Result<std::size_t> find(std::string_view name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) return invalid(shown(name) + " is not defined above");
    return found->second;
  }
  Result<void> define(std::string_view name, PolicyNode node) {
    if (name == "none") return invalid("'none' cannot be defined");
    if (!names_.emplace(std::string(name), out_.nodes.size()).second)
      return invalid(shown(name) + " is defined already");
    node.name = name;
    out_.nodes.push_back(std::move(node));
    return {};
  }

  WitnessPolicy out_;
  std::map<std::string, std::size_t, std::less<>> names_;
  std::set<std::string> log_keys_;
  std::set<std::string> witness_keys_;
  std::set<std::size_t> members_;
  bool has_quorum_ = false;
};

// Who of the policy's logs signed the note, or that the keys from elsewhere did.
Result<void> check_log_signature(const Note& note, const Checkpoint& checkpoint, const WitnessPolicy& policy,
                                 const PolicyOptions& options) {
  if (options.keys != nullptr) {
    if (checkpoint.origin != options.origin)
      return fail(ErrorKind::kDenied, "checkpoint: of another log, " + shown(checkpoint.origin));
    TRY(verify_note(note, options.origin, *options.keys));
    if (policy.logs.empty()) return {};
  }
  std::vector<PublicKey> keys;
  for (const PolicyLog& log : policy.logs) {
    if (log.key.name == checkpoint.origin) keys.push_back(log.key.key);
  }
  if (keys.empty()) {
    return fail(ErrorKind::kDenied,
                "checkpoint: the policy knows no log with the origin " + shown(checkpoint.origin));
  }
  return verify_note(note, checkpoint.origin, keys);
}

}  // namespace

bool WitnessPolicy::is_met(const std::vector<bool>& cosigned) const {
  if (!quorum) return true;
  std::vector<bool> holds(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const PolicyNode& node = nodes[i];
    if (node.witness) {
      holds[i] = cosigned[*node.witness];
      continue;
    }
    const auto count = std::ranges::count_if(node.members, [&](std::size_t member) { return holds[member]; });
    holds[i] = static_cast<std::size_t>(count) >= node.threshold;
  }
  return holds[*quorum];
}

std::string WitnessPolicy::quorum_text() const {
  if (!quorum) return "none";
  const PolicyNode& node = nodes[*quorum];
  if (node.witness) return node.name;
  std::string out = std::to_string(node.threshold) + " of ";
  for (std::size_t i = 0; i < node.members.size(); ++i)
    out += (i == 0 ? "" : ", ") + nodes[node.members[i]].name;
  return out;
}

Result<WitnessPolicy> parse_witness_policy(std::string_view text) {
  if (text.size() > limits::kWitnessPolicyBytesMax)
    return fail(ErrorKind::kLimit, "witness policy: larger than 256 KiB");
  if (has_other_controls(text)) return invalid("witness policy: a control character");
  if (!text.empty() && !text.ends_with('\n')) return invalid("witness policy: its last line has no end");
  PolicyReader reader;
  std::size_t said = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const Words words = words_of(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (words.empty() || words.front().starts_with('#')) continue;
    if (++said > limits::kWitnessPolicyLinesMax)
      return fail(ErrorKind::kLimit, "witness policy: over 1000 lines");
    const Result<void> read = reader.line(words);
    if (!read) return within("witness policy: line " + std::to_string(number), read.error());
  }
  Result<WitnessPolicy> out = reader.finish();
  if (!out) return within("witness policy", out.error());
  return out;
}

Result<Witnessed> check_witnessed(std::string_view note, const WitnessPolicy& policy,
                                  const PolicyOptions& options) {
  const Note parsed = TRY(parse_note(note));
  Witnessed out;
  out.checkpoint = TRY(parse_checkpoint(parsed.text));
  TRY(check_log_signature(parsed, out.checkpoint, policy, options));
  std::vector<bool> cosigned(policy.witnesses.size());
  std::size_t stale = 0;
  for (std::size_t i = 0; i < policy.witnesses.size(); ++i) {
    const auto time = TRY(cosigned_at(parsed, policy.witnesses[i].key));
    if (!time) continue;
    const bool ahead = *time > options.now_unix_s + limits::kCosignatureAheadS;
    const bool old = options.age_max_s && *time < options.now_unix_s - *options.age_max_s;
    if (ahead || old) {
      ++stale;
      continue;
    }
    cosigned[i] = true;
    out.witnesses.push_back(policy.witnesses[i].name);
    out.newest_unix_s = std::max(out.newest_unix_s, *time);
  }
  if (policy.is_met(cosigned)) return out;
  std::string have;
  for (const std::string& name : out.witnesses) have += (have.empty() ? "" : ", ") + name;
  std::string message = "checkpoint: of size " + std::to_string(out.checkpoint.size) + ": cosigned by " +
                        (have.empty() ? "no witness" : have) + ", the policy wants " + policy.quorum_text();
  if (stale > 0) message += "; " + std::to_string(stale) + " cosignatures are of another time";
  return fail(ErrorKind::kDenied, std::move(message));
}

}  // namespace sallyport::trust
