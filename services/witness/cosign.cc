#include "services/witness/cosign.h"

#include <algorithm>

#include "core/limits/witness.h"
#include "trust/witness.h"

namespace sallyport::services::witness {
namespace {

using trust::Note;
using trust::PolicyWitness;

std::string address_of(const PolicyWitness& witness) {
  std::string out = witness.url;
  while (out.ends_with('/')) out.pop_back();
  return out + "/add-checkpoint";
}

// The witness's cosignatures in its answer, on this very checkpoint.
Result<std::vector<trust::NoteSignature>> cosignatures_in(const std::string& body, const std::string& text,
                                                          const trust::VerifierKey& key) {
  Note answered{.text = text, .signatures = {}};
  for (trust::NoteSignature& one : TRY(trust::parse_signatures(body))) {
    if (one.name == key.name && one.key_hash == key.hash()) answered.signatures.push_back(std::move(one));
  }
  if (!TRY(trust::cosigned_at(answered, key)))
    return fail(ErrorKind::kDenied, "its answer has no cosignature by its key");
  return std::move(answered.signatures);
}

// One witness asked about one checkpoint; its cosignatures are added to the note.
class Asking {
 public:
  Asking(trust::Log& log, const PolicyWitness& witness, const Ask& ask)
      : log_(log), witness_(witness), ask_(ask) {}

  Reply run(std::uint64_t known_size, Note& note) {
    Reply reply{.witness = witness_.name};
    const Result<void> done = exchange(known_size, note, reply);
    reply.cosigned = done.has_value();
    if (!done) reply.why = done.error().message;
    return reply;
  }

 private:
  Result<http::Answered> put(std::uint64_t old_size, const Note& note) {
    trust::AddCheckpoint request;
    request.old_size = old_size;
    request.proof = TRY(log_.prove_consistency(old_size));
    request.checkpoint = serialize(note);
    return ask_(address_of(witness_), serialize(request));
  }

  Result<void> exchange(std::uint64_t known_size, Note& note, Reply& reply) {
    const Note asked{.text = note.text, .signatures = {note.signatures.front()}};
    http::Answered answer = TRY(put(known_size, asked));
    if (answer.status == 409) {
      const std::uint64_t stands = TRY(size_in(answer));
      if (stands > log_.size()) return ahead(stands, reply);
      if (stands != known_size) answer = TRY(put(stands, asked));
      if (answer.status == 409 && TRY(size_in(answer)) != stands) return raced();
      if (answer.status == 409) {
        reply.contradicts = true;
        return fail(ErrorKind::kDenied, "has cosigned another log of " + std::to_string(stands) +
                                            " entries: this one was forked");
      }
    }
    if (answer.status == 422) {
      reply.contradicts = true;
      return fail(ErrorKind::kDenied,
                  "has cosigned a log that this one does not extend: this one was forked");
    }
    if (answer.status != 200) {
      return fail(ErrorKind::kIo, "answered with " + std::to_string(answer.status) + ": " +
                                      shown(answer.body.substr(0, answer.body.find('\n'))));
    }
    for (trust::NoteSignature& one : TRY(cosignatures_in(answer.body, note.text, witness_.key)))
      note.signatures.push_back(std::move(one));
    return {};
  }

  static std::unexpected<Error> raced() {
    return fail(ErrorKind::kIo, "is being asked by somebody else: ask again");
  }
  // Somebody may have appended and asked since this log was read.
  Result<void> ahead(std::uint64_t stands, Reply& reply) {
    trust::Log now = log_;
    TRY(now.refresh());
    if (now.size() >= stands) return raced();
    reply.contradicts = true;
    return fail(ErrorKind::kDenied, "has cosigned " + std::to_string(stands) +
                                        " entries of this log, which has " + std::to_string(now.size()) +
                                        ": it was rolled back");
  }

  Result<std::uint64_t> size_in(const http::Answered& answer) const {
    if (answer.content_type != trust::kTreeSizeType || !answer.body.ends_with('\n'))
      return fail(ErrorKind::kIo, "answered with 409 and no tree size");
    return trust::parse_tree_size(std::string_view(answer.body).substr(0, answer.body.size() - 1));
  }

  trust::Log& log_;
  const PolicyWitness& witness_;
  const Ask& ask_;
};

// The size that this witness cosigned last, as far as this log knows.
std::uint64_t known_size(const std::string& cosigned, const PolicyWitness& witness) {
  const auto note = trust::parse_note(cosigned);
  if (!note) return 0;
  const auto time = trust::cosigned_at(*note, witness.key);
  const auto checkpoint = trust::parse_checkpoint(note->text);
  return time && *time && checkpoint ? checkpoint->size : 0;
}

}  // namespace

Ask over_http(const fs::path& roots) {
  return [roots](const std::string& address, const std::string& body) {
    return http::post(address, {.body = body},
                      {.bytes_max = limits::kWitnessAnswerBytesMax,
                       .roots = roots,
                       .patience_s = limits::kWitnessPatienceS});
  };
}

Result<Cosigned> cosign_log(const trust::Workspace& workspace, const trust::WitnessPolicy& policy,
                            const Ask& ask) {
  const trust::Root root = TRY(workspace.load_root());
  const trust::LogKeys keys{root.log_origin(), root.keys_of(trust::role::kLog)};
  trust::Log log = TRY(trust::Log::open(*workspace.env, workspace.log_directory(), keys));
  const std::string before = TRY(trust::read_cosigned(*workspace.env, workspace.log_directory()));
  // The log's own signatures, without cosignatures of an earlier time.
  Note note = TRY(trust::parse_note(log.signed_checkpoint()));
  std::erase_if(note.signatures, [&](const trust::NoteSignature& one) {
    return one.name != keys.origin || std::ranges::none_of(keys.keys, [&](const trust::PublicKey& key) {
             return one.key_hash == trust::note_key_hash(keys.origin, key);
           });
  });
  Cosigned out;
  out.size = log.size();
  for (const PolicyWitness& witness : policy.witnesses) {
    if (witness.url.empty()) continue;
    const std::uint64_t known = std::min(known_size(before, witness), log.size());
    out.replies.push_back(Asking(log, witness, ask).run(known, note));
  }
  const auto met = trust::check_witnessed(
      serialize(note), policy,
      {.now_unix_s = workspace.env->now_unix_s(), .keys = &keys.keys, .origin = keys.origin});
  if (!met) {
    out.missing = met.error().message;
    return out;
  }
  TRY(trust::keep_cosigned(*workspace.env, workspace.log_directory(), keys, note));
  out.met = true;
  return out;
}

Json to_json(const Cosigned& cosigned) {
  Json witnesses = Json::array();
  for (const Reply& reply : cosigned.replies) {
    witnesses.push_back({{"witness", reply.witness},
                         {"cosigned", reply.cosigned},
                         {"contradicts", reply.contradicts},
                         {"why", reply.why}});
  }
  return {{"size", cosigned.size},
          {"quorum", cosigned.met},
          {"missing", cosigned.missing},
          {"witnesses", std::move(witnesses)}};
}

}  // namespace sallyport::services::witness
