#include "trust/witness.h"

#include <algorithm>
#include <utility>

#include "core/limits/witness.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kOld = "old ";

WitnessAnswer refusal(int status, std::string why) {
  return {.status = status, .body = std::move(why) + "\n"};
}

// The client is told where this witness stands, so that it can prove the way from there.
WitnessAnswer conflict(const Checkpoint& last) {
  return {
      .status = 409, .content_type = std::string(kTreeSizeType), .body = std::to_string(last.size) + "\n"};
}

}  // namespace

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
  if (body.size() > limits::kAddCheckpointBytesMax)
    return fail(ErrorKind::kLimit, "add-checkpoint: larger than 72 KiB");
  Reader reader(as_bytes(body));
  AddCheckpoint out;
  std::string_view line = TRY(reader.until('\n'));
  if (!line.starts_with(kOld)) return invalid("add-checkpoint: does not begin with the old size");
  out.old_size = TRY(parse_tree_size(line.substr(kOld.size())));
  while (true) {
    line = TRY(reader.until('\n'));
    if (line.empty()) break;
    if (out.proof.size() == limits::kConsistencyHashesMax)
      return fail(ErrorKind::kLimit, "add-checkpoint: over 63 hashes");
    out.proof.push_back(TRY(parse_tree_hash(line)));
  }
  out.checkpoint = as_text(TRY(reader.take(reader.remaining())));
  return out;
}

std::string serialize(const AddCheckpoint& request) {
  std::string out = std::string(kOld) + std::to_string(request.old_size) + "\n";
  for (const Hash& hash : request.proof) out += to_base64(hash.bytes) + "\n";
  return out + "\n" + request.checkpoint;
}

Witness::Witness(Env& env, fs::path directory, std::string name, PrivateKey key,
                 std::unique_ptr<FileLock> lock)
    : env_(&env),
      directory_(std::move(directory)),
      name_(std::move(name)),
      key_(std::move(key)),
      lock_(std::move(lock)) {}

Result<std::unique_ptr<Witness>> Witness::open(Env& env, const fs::path& directory,
                                               const WitnessOptions& options, PrivateKey key) {
  if (!is_note_key_name(options.name))
    return invalid("witness: " + shown(options.name) + " cannot be a key name");
  if (key.public_key().algorithm() != KeyAlgorithm::kEd25519)
    return invalid("witness: signing takes an Ed25519 key");
  if (options.logs.size() > limits::kWitnessLogsMax)
    return fail(ErrorKind::kLimit, "witness: over 10000 logs");
  TRY(make_directories_durably(env, directory / "logs"));
  auto lock = TRY(env.lock(directory / ".lock"));
  std::unique_ptr<Witness> out(new Witness(env, directory, options.name, std::move(key), std::move(lock)));
  for (const VerifierKey& log : options.logs) TRY(out->follow(log));
  return out;
}

Result<void> Witness::follow(const VerifierKey& log) {
  if (log.type != NoteKeyType::kEd25519)
    return invalid("witness: the key of " + shown(log.name) + " is not one that a log signs with");
  const auto [place, fresh] = logs_.try_emplace(log.name);
  place->second.keys.push_back(log.key);
  if (!fresh) return {};
  place->second.last = {log.name, 0, empty_tree_hash()};
  return recall(log.name, place->second);
}

// What was remembered was signed by us; the log's key may have changed since.
Result<void> Witness::recall(const std::string& origin, Followed& log) {
  const fs::path file = file_of(origin);
  const Result<Bytes> bytes = env_->read_file(file, limits::kCheckpointBytesMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return {};
  if (!bytes) return std::unexpected(bytes.error());
  const VerifierKey own{.name = name_, .type = NoteKeyType::kCosignature, .key = key_.public_key()};
  const auto read = [&]() -> Result<Checkpoint> {
    const Note note = TRY(parse_note(as_text(*bytes)));
    if (!TRY(cosigned_at(note, own))) return fail(ErrorKind::kDenied, "not cosigned by this witness");
    Checkpoint out = TRY(parse_checkpoint(note.text, Extensions::kPassedOver));
    if (out.origin != origin) return fail(ErrorKind::kDenied, "of another log");
    return out;
  };
  Result<Checkpoint> last = read();
  if (!last) {
    last.error().hint = "restore the file; without it this witness would vouch for what it never saw";
    return within(file.string(), last.error());
  }
  log.last = std::move(*last);
  return {};
}

fs::path Witness::file_of(const std::string& origin) const {
  return directory_ / "logs" / (sha256(origin).hex() + ".checkpoint");
}

std::string Witness::verifier_key() const {
  return note_verifier_key(name_, key_.public_key(), NoteKeyType::kCosignature);
}

std::uint64_t Witness::size_of(const std::string& origin) const {
  const std::scoped_lock guard(mutex_);
  const auto found = logs_.find(origin);
  return found == logs_.end() ? 0 : found->second.last.size;
}

WitnessAnswer Witness::add_checkpoint(std::string_view body) {
  const Result<AddCheckpoint> request = parse_add_checkpoint(body);
  if (!request) return refusal(400, request.error().message);
  const Result<Note> note = parse_note(request->checkpoint);
  if (!note) return refusal(400, note.error().message);
  const Result<Checkpoint> checkpoint = parse_checkpoint(note->text, Extensions::kPassedOver);
  if (!checkpoint) return refusal(400, checkpoint.error().message);
  const std::scoped_lock guard(mutex_);
  const auto log = logs_.find(checkpoint->origin);
  if (log == logs_.end()) return refusal(404, "witness: no log " + shown(checkpoint->origin) + " here");
  if (const auto good = verify_note(*note, checkpoint->origin, log->second.keys); !good)
    return refusal(403, good.error().message);
  return judge(*request, *note, *checkpoint, log->second);
}

WitnessAnswer Witness::judge(const AddCheckpoint& request, const Note& note, const Checkpoint& checkpoint,
                             Followed& log) {
  if (request.old_size > checkpoint.size) return refusal(400, "witness: the old size is the larger one");
  if (request.old_size != log.last.size) return conflict(log.last);
  if (request.old_size == checkpoint.size && checkpoint.root != log.last.root) return conflict(log.last);
  const auto extends =
      check_consistency(request.proof, log.last.size, log.last.root, checkpoint.size, checkpoint.root);
  if (!extends) return refusal(422, extends.error().message);
  const Result<NoteSignature> made = cosign(note.text, name_, key_, env_->now_unix_s());
  if (!made) return refusal(500, made.error().message);
  // The log's own signatures and ours; what else came with the note is nobody's whom we know.
  Note kept{.text = note.text, .signatures = {}};
  for (const NoteSignature& one : note.signatures) {
    const bool known = std::ranges::any_of(log.keys, [&](const PublicKey& key) {
      return one.key_hash == note_key_hash(checkpoint.origin, key);
    });
    if (one.name == checkpoint.origin && known) kept.signatures.push_back(one);
  }
  kept.signatures.push_back(*made);
  const auto remembered = write_durably(*env_, file_of(checkpoint.origin), as_bytes(serialize(kept)));
  if (!remembered) return refusal(500, "witness: could not remember it: " + remembered.error().message);
  log.last = {checkpoint.origin, checkpoint.size, checkpoint.root};
  return {.body = serialize(*made)};
}

}  // namespace sallyport::trust
