#include "services/scan/review.h"

#include <algorithm>
#include <set>

#include "core/glob.h"
#include "core/limits/openpgp.h"
#include "core/yaml.h"

namespace sallyport::services::scan {
namespace {

namespace git = formats::git;

constexpr std::int64_t kDay = 24 * 3600;

struct Signed {
  std::string state = "none";
  std::string why = {};
  std::string signer = {};
  const trust::SshSigner* by = nullptr;
  const trust::PgpCertificate* by_pgp = nullptr;

  bool is_known() const { return by != nullptr || by_pgp != nullptr; }
  // Whether it is the signer's own identity.
  bool is_of(std::string_view identity) const {
    if (by != nullptr) return trust::is_principal(*by, identity);
    return by_pgp != nullptr && std::ranges::find(by_pgp->addresses, identity) != by_pgp->addresses.end();
  }
};

class Review {
 public:
  Review(const History& history, const ReviewRules& rules) : history_(history), rules_(rules) {}

  // From the tip to what is taken as it is, along first parents; what a merge brought belongs to the merge.
  Result<Json> run(const git::ObjectId& tip, const BlobIds& accepted) {
    Json out = Json::array();
    BlobIds done = accepted;
    std::vector<git::ObjectId> line;
    for (std::optional<git::ObjectId> at = tip; at && !done.contains(*at);) {
      const git::Commit* commit = history_.commit(*at);
      if (commit == nullptr) break;
      line.push_back(*at);
      done.insert(*at);
      at = commit->parents.empty() ? std::nullopt : std::optional(commit->parents.front());
    }
    std::ranges::reverse(line);
    for (const git::ObjectId& id : line) {
      const git::Commit& commit = *history_.commit(id);
      const Signed merge = signed_by(id, commit);
      for (std::size_t i = 1; i < commit.parents.size(); ++i)
        TRY(bring(commit.parents[i], commit, merge, done, out));
      out.push_back(TRY(entry_of(id, commit, merge, nullptr, 0)));
    }
    return out;
  }

 private:
  Result<void> bring(const git::ObjectId& from, const git::Commit& merge, const Signed& by, BlobIds& done,
                     Json& out) {
    std::vector<git::ObjectId> open{from};
    while (!open.empty()) {
      const git::ObjectId id = open.back();
      open.pop_back();
      const git::Commit* commit = history_.commit(id);
      if (commit == nullptr || !done.insert(id).second) continue;
      const std::int64_t days = (merge.committed_unix_s - commit->committed_unix_s) / kDay;
      out.push_back(TRY(entry_of(id, *commit, signed_by(id, *commit), &by, days)));
      for (const git::ObjectId& parent : commit->parents) open.push_back(parent);
    }
    return {};
  }

  Signed signed_by(const git::ObjectId& id, const git::Commit& commit) const {
    Signed out;
    if (commit.signature.empty()) return out;
    const Bytes payload = git::signed_payload(history_.objects().find(id)->bytes);
    if (commit.signature.find("-----BEGIN PGP SIGNATURE-----") != std::string::npos)
      return signed_by_pgp(commit.signature, payload);
    const auto key = trust::verify_ssh_signature(commit.signature, payload, "git");
    if (!key) {
      out.state = key.error().kind == ErrorKind::kUnsupported ? "unchecked" : "bad";
      out.why = key.error().message;
      return out;
    }
    out.by = trust::signer_of(rules_.signers, *key, "git", commit.committed_unix_s);
    out.state = out.by == nullptr ? "stranger" : "good";
    if (out.by != nullptr) out.signer = out.by->principals.front();
    return out;
  }

  Signed signed_by_pgp(std::string_view signature, BytesView payload) const {
    Signed out;
    if (rules_.keyring.empty()) {
      out.state = "unchecked";
      out.why = "the rules name no keyring";
      return out;
    }
    const auto by = trust::verify_pgp_signature(signature, payload, rules_.keyring);
    if (!by) {
      out.state = by.error().kind == ErrorKind::kUnsupported ? "unchecked" : "bad";
      out.why = by.error().message;
      return out;
    }
    out.by_pgp = *by;
    out.state = *by == nullptr ? "stranger" : "good";
    if (*by != nullptr) out.signer = (*by)->addresses.front();
    return out;
  }

  // Two persons: somebody signed who is not the author, or somebody else's signed merge brought it.
  Result<Json> entry_of(const git::ObjectId& id, const git::Commit& commit, const Signed& own,
                        const Signed* merge, std::int64_t days) {
    Json approved = Json::array();
    std::size_t others = 0;
    for (const Signed* one : {&own, merge}) {
      if (one == nullptr || !one->is_known()) continue;
      approved.push_back(one->signer);
      others += one->is_of(commit.author.email) ? 0 : 1;
    }
    // A merge on the branch itself is answered for by who signed it, unless it holds changes of its own.
    const std::vector<std::string> paths = TRY(changed(commit));
    Json restored = Json::array();
    for (const std::string& path : restored_) restored.push_back(path);
    bool two = false;
    for (const std::string& path : paths) two = two || needs_two(path);
    return Json{{"id", to_hex(id)},
                {"author", commit.author.email},
                {"time", commit.committed_unix_s},
                {"signature", own.state},
                {"why", own.why},
                {"signer", own.signer},
                {"approved", std::move(approved)},
                {"second", others > 0},
                {"two", two},
                {"paths", paths},
                {"restored", std::move(restored)},
                {"brought_days", days}};
  }

  bool needs_two(const std::string& path) const {
    return std::ranges::any_of(rules_.paths, [&](const std::string& pattern) {
      return pattern.ends_with('/') ? path.starts_with(pattern) : glob_matches(pattern, path);
    });
  }

  // The paths at which the commit differs from each of its parents. Those whose content the branch once had
  // and had given up are left in restored_.
  Result<std::vector<std::string>> changed(const git::Commit& commit) {
    std::optional<std::set<std::string>> all;
    std::map<std::string, git::ObjectId> fresh;
    if (commit.parents.empty()) {
      fresh = TRY(history_.differences(std::nullopt, commit.tree));
    }
    for (const git::ObjectId& parent : commit.parents) {
      const git::Commit* before = history_.commit(parent);
      if (before == nullptr) continue;
      fresh = TRY(history_.differences(before->tree, commit.tree));
      std::set<std::string> here;
      for (const auto& [path, id] : fresh) {
        if (!all || all->contains(path)) here.insert(path);
      }
      all = std::move(here);
    }
    restored_.clear();
    std::vector<std::string> out;
    for (const auto& [path, id] : fresh) {
      if (all && !all->contains(path)) continue;
      out.push_back(path);
      const bool removed = id == git::ObjectId{};
      auto& seen = contents_[path];
      if (!removed && std::ranges::find(seen, id) != seen.end()) restored_.push_back(path);
      if (!removed) seen.push_back(id);
    }
    return out;
  }

  const History& history_;
  const ReviewRules& rules_;
  std::map<std::string, std::vector<git::ObjectId>> contents_;  // that the line has had at a path
  std::vector<std::string> restored_;
};

}  // namespace

Result<ReviewRules> read_review_rules(Env& env, const fs::path& path) {
  const Bytes bytes = TRY(env.read_file(path, limits::kYamlBytesMax));
  const Json root = TRY(parse_yaml(as_text(bytes), path.string()));
  TRY(only_members(root, {"signers", "keyring", "branch", "since", "contains", "paths"}));
  ReviewRules out;
  if (root.contains("signers") || !root.contains("keyring")) {
    const fs::path signers = path.parent_path() / TRY(get_string(root, "signers"));
    const Bytes list = TRY(env.read_file(signers, limits::kYamlBytesMax));
    auto read = trust::parse_allowed_signers(as_text(list));
    if (!read) return within(signers.string(), read.error());
    out.signers = std::move(*read);
  }
  if (root.contains("keyring")) {
    const fs::path keyring = path.parent_path() / TRY(get_string(root, "keyring"));
    const Bytes bytes_of = TRY(env.read_file(keyring, limits::kOpenPgpBytesMax));
    auto read = trust::parse_pgp_keyring(bytes_of);
    if (!read) return within(keyring.string(), read.error());
    out.keyring = std::move(*read);
  }
  if (root.contains("branch")) out.branch = TRY(get_string(root, "branch"));
  if (root.contains("since")) out.since = TRY(get_string(root, "since"));
  for (const auto& [name, list_of] : {std::pair{"contains", &out.contains}, {"paths", &out.paths}}) {
    if (!root.contains(name)) continue;
    for (const Json& item : TRY(get_array(root, name))) {
      if (!item.is_string()) return invalid(path.string() + ": " + name + ": a list of words was expected");
      list_of->push_back(item.get<std::string>());
    }
  }
  return out;
}

Result<Json> review_history(const History& history, const Refs& refs, bool grafts, const ReviewRules& rules) {
  const std::string branch = rules.branch.empty() ? refs.head_branch : "refs/heads/" + rules.branch;
  const auto found = refs.ids.find(branch);
  const std::optional<git::ObjectId> tip = found != refs.ids.end() ? std::optional(found->second)
                                           : branch.empty()        ? refs.head
                                                                   : std::nullopt;
  if (!tip) return fail(ErrorKind::kNotFound, "review: there is no branch '" + branch + "'");
  BlobIds accepted;
  if (!rules.since.empty()) {
    const auto since = resolve(refs, history.objects(), rules.since);
    if (!since)
      return fail(ErrorKind::kNotFound, "review: since: '" + rules.since + "' names no commit here");
    accepted = history.ancestors_of(*since);
  }
  const BlobIds held = history.ancestors_of(*tip);
  Json rewritten = Json::array(), replaced = Json::array();
  for (const std::string& id : rules.contains) {
    const auto parsed = git::parse_id(id);
    if (!parsed || !held.contains(*parsed)) rewritten.push_back(id);
  }
  constexpr std::string_view kReplace = "refs/replace/";
  for (const auto& [name, id] : refs.ids) {
    if (name.starts_with(kReplace)) replaced.push_back(name.substr(kReplace.size()));
  }
  return Json{{"branch", branch},
              {"rewritten", std::move(rewritten)},
              {"replaced", std::move(replaced)},
              {"grafts", grafts},
              {"commits", TRY(Review(history, rules).run(*tip, accepted))}};
}

Result<std::vector<RepositoryFile>> history_evidence(const fs::path& repository, const ReviewRules& rules) {
  Env& env = system_env();
  const fs::path git = env.exists(repository / ".git" / "objects") ? repository / ".git" : repository;
  const History history = TRY(History::read(git / "objects"));
  const Json document =
      TRY(review_history(history, read_refs(git), env.exists(git / "info" / "grafts"), rules));
  return std::vector<RepositoryFile>{
      {.path = ".sallyport/history.json", .bytes = to_bytes(pretty(document))}};
}

}  // namespace sallyport::services::scan
