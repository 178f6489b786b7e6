#include "services/tracking/pull.h"

#include <optional>

#include "core/json.h"
#include "core/text.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/promises.h"
#include "trust/ledger_entry.h"
#include "trust/manifest.h"
#include "trust/merkle.h"
#include "trust/note.h"

namespace sallyport::services::tracking {
namespace {

std::unexpected<Error> refused(const std::string& why) { return fail(ErrorKind::kDenied, "pull: " + why); }

struct Pin {
  std::uint64_t size = 0;
  trust::Hash root = {};
};

Result<std::optional<Pin>> read_pin(Env& env, const fs::path& file) {
  if (!env.exists(file)) return std::optional<Pin>();
  const Json said = TRY(parse_json(as_text(TRY(env.read_file(file, limits::kKiB)))));
  TRY(only_members(said, {"size", "root"}));
  Pin out;
  out.size = static_cast<std::uint64_t>(TRY(get_int(said, "size")));
  out.root = TRY(Digest::parse(TRY(get_string(said, "root"))));
  return std::optional<Pin>(out);
}

Result<trust::LedgerEntry> entry_of(const std::string& text, std::uint64_t index) {
  trust::LedgerEntry out{.index = index, .envelope_digest = sha256(text)};
  out.envelope = TRY(trust::parse_envelope(as_bytes(text)));
  out.statement = TRY(trust::statement_of(out.envelope));
  return out;
}

struct Seen {
  Promises promises = {};
  trust::Checkpoint checkpoint = {};
  std::vector<std::string> witnesses = {};
};

// The checkpoint, with the cosignatures that the client demands.
Result<trust::Witnessed> believed(const std::string& checkpoint, const trust::Root& root,
                                  const PullOptions& options, std::int64_t now) {
  const auto keys = root.keys_of(trust::role::kLog);
  const trust::WitnessPolicy any;
  auto out = trust::check_witnessed(checkpoint, options.witnesses ? *options.witnesses : any,
                                    {.now_unix_s = now,
                                     .age_max_s = options.cosigned_age_max_s,
                                     .keys = &keys,
                                     .origin = root.log_origin()});
  if (!out) return refused(out.error().message);
  return out;
}

// The tree is built from what was sent; its root must be the signed one, and at the pinned size the pinned
// one.
Result<Seen> read_log(const std::string& body, const trust::Root& root, const std::optional<Pin>& pin,
                      const PullOptions& options, std::int64_t now) {
  const Json sent = TRY(parse_json(body));
  Seen out;
  const trust::Witnessed by = TRY(believed(TRY(get_string(sent, "checkpoint")), root, options, now));
  out.checkpoint = by.checkpoint;
  out.witnesses = by.witnesses;
  const Json envelopes = TRY(get_array(sent, "envelopes"));
  if (pin && out.checkpoint.size < pin->size) {
    return refused("the log has " + std::to_string(out.checkpoint.size) + " entries, and had " +
                   std::to_string(pin->size) + " before: it was rolled back");
  }
  if (envelopes.size() != out.checkpoint.size) return refused("the log is not whole");
  trust::MemoryTree tree;
  bool extends = !pin || pin->size == 0;
  for (const Json& envelope : envelopes) {
    if (!envelope.is_string()) return refused("an entry of the log is no envelope");
    const trust::LedgerEntry entry = TRY(entry_of(envelope.get_ref<const std::string&>(), tree.size()));
    tree.append(trust::leaf_hash(
        as_bytes(trust::ledger_entry(entry.envelope_digest, entry.statement.predicate_type))));
    extends = extends || (tree.size() == pin->size && tree.root() == pin->root);
    TRY(out.promises.absorb(entry, root));
  }
  if (tree.root() != out.checkpoint.root) return refused("the log is not what its checkpoint says");
  if (!extends) return refused("the log does not go on where it stood: it was forked");
  return out;
}

Result<VersionName> resolve(const Promises& promises, const PullOptions& options) {
  const std::string& wanted = options.wanted;
  if (const auto number = parsed_number<std::int64_t>(wanted)) return VersionName{options.model, *number};
  const auto moved = promises.alias(options.model, wanted);
  if (moved) return VersionName{options.model, *moved};
  return fail(ErrorKind::kNotFound,
              "pull: the log has no alias " + shown(wanted) + " of " + shown(options.model));
}

Result<Promise> promised(const Promises& promises, const VersionName& name) {
  const auto promise = promises.promise(name);
  const std::string which = shown(name.model) + " version " + std::to_string(name.version);
  if (!promise) return fail(ErrorKind::kNotFound, "pull: the log promises no " + which);
  if (!promise->gate_passed) return refused(which + ": its gate has not passed");
  return *promise;
}

std::string encoded(std::string_view path) {
  std::string out;
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

Result<trust::Manifest> fetch_manifest(const Fetch& fetch, const VersionName& name, const Digest& digest) {
  const std::string body = TRY(fetch("/api/2.0/sallyport/manifest?name=" + encoded(name.model) +
                                     "&version=" + std::to_string(name.version)));
  const std::string text = TRY(get_string(TRY(parse_json(body)), "manifest"));
  if (sha256(text) != digest) return refused("the manifest is not the one that was signed and logged");
  return trust::parse_manifest(as_bytes(text));
}

Result<std::uint64_t> fetch_files(Env& env, const Fetch& fetch, const VersionName& name,
                                  const trust::Manifest& manifest, const fs::path& folder) {
  std::uint64_t bytes = 0;
  const std::string base = std::string(kArtifactRoute) + "/versions/" + encoded(name.model) + "/" +
                           std::to_string(name.version) + "/";
  for (const trust::ManifestEntry& entry : manifest.entries) {
    TRY(trust::check_relative_path(entry.path));
    const fs::path path = folder / entry.path;
    const bool empty = entry.mode == trust::EntryMode::kEmptyDirectory;
    TRY(make_directories_durably(env, empty ? path : path.parent_path()));
    if (empty) continue;
    const std::string content = TRY(fetch(base + encoded(entry.path)));
    if (content.size() != entry.size || sha256(content) != entry.sha256) {
      return refused(shown(entry.path) + ": other bytes came than were registered");
    }
    const unsigned mode = entry.mode == trust::EntryMode::kExecutable ? 0755 : 0644;
    TRY(write_durably(env, path, as_bytes(content), mode));
    bytes += content.size();
  }
  return bytes;
}

}  // namespace

Result<Pulled> pull(Env& env, const trust::Root& root, const Fetch& fetch, const PullOptions& options) {
  if (env.exists(options.to)) return invalid(options.to.string() + ": exists");
  TRY(root.check_unexpired(env.now_unix_s()));
  const auto pin = TRY(read_pin(env, options.pin));
  const Seen seen =
      TRY(read_log(TRY(fetch("/api/2.0/sallyport/registry-log")), root, pin, options, env.now_unix_s()));
  // What was seen of the log is remembered even when the version is refused.
  const Json next{{"size", seen.checkpoint.size}, {"root", seen.checkpoint.root.hex()}};
  TRY(write_durably(env, options.pin, as_bytes(canonical(next))));
  const VersionName name = TRY(resolve(seen.promises, options));
  const Promise promise = TRY(promised(seen.promises, name));
  const trust::Manifest manifest = TRY(fetch_manifest(fetch, name, promise.manifest));
  const fs::path aside = options.to.string() + ".part";
  TRY(remove_tree(env, aside));
  TRY(make_directories_durably(env, aside));
  const auto bytes = fetch_files(env, fetch, name, manifest, aside);
  if (!bytes) {
    std::ignore = remove_tree(env, aside);
    return std::unexpected(bytes.error());
  }
  TRY(env.rename(aside, options.to));
  return Pulled{.version = name.version,
                .manifest = promise.manifest,
                .files = manifest.entries.size(),
                .bytes = *bytes,
                .log_size = seen.checkpoint.size,
                .witnesses = seen.witnesses};
}

}  // namespace sallyport::services::tracking
