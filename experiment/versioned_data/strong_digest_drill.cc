// versions-weak-digest enacted: a snapshot that is vouched for by a checksum only is edited and made to
// match. One way patches four bytes so that the CRC-32 is the old one, one trades the two halves of a
// published MD5 collision (Wang and others, 2004), one strips the strong digest from the manifest, so that a
// reader that takes what it finds falls back. The honest twin carries SHA-256 and, for old readers, a CRC-32
// beside it.
#include <openssl/evp.h>
#include <zlib.h>

#include <array>

#include "core/json.h"
#include "drills/data.h"
#include "drills/outcome.h"
#include "drills/project.h"
#include "trust/statement.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill strong_digest_drill;

namespace {

using drills::World;

constexpr std::uint64_t kWays = 3;
constexpr std::string_view kType = "https://sallyport.dev/snapshot/v1";

struct Story {
  drills::Project project;
  std::string released;  // the bytes that were published
  std::string stored;    // what lies there now
  Json manifest;         // {"crc32": ..., "md5": ..., "sha256": ...}: what readers outside go by
  trust::Envelope envelope;
  bool taken = false;
};

std::string crc_of(std::string_view bytes) {
  return std::to_string(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}
std::string md5_of(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr);
  return to_hex(BytesView(digest.data(), size));
}

// Four bytes at the end that bring the CRC-32 to `wanted`: the register is run backwards over them.
std::string patched(std::string bytes, std::uint32_t wanted) {
  const std::uint32_t start = ~static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
  const auto* table = ::get_crc_table();
  std::uint32_t want = ~wanted;
  std::array<std::uint8_t, 4> indices{};
  for (int i = 3; i >= 0; --i) {
    std::uint32_t at = 0;
    while ((table[at] >> 24) != (want >> 24)) ++at;
    indices[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(at);
    want = (want ^ static_cast<std::uint32_t>(table[at])) << 8;
  }
  std::uint32_t have = start;
  for (const std::uint8_t index : indices) {
    bytes += static_cast<char>((have ^ index) & 0xff);
    have = (have >> 8) ^ static_cast<std::uint32_t>(table[index]);
  }
  return bytes;
}

// The collision that Wang and others published: 128 bytes, which differ in six bits.
std::pair<std::string, std::string> md5_pair() {
  const std::string_view one =
      "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
      "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
      "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70";
  std::string other(one);
  for (const std::size_t at : {std::size_t{19}, std::size_t{45}, std::size_t{59}, std::size_t{83},
                               std::size_t{109}, std::size_t{123}}) {
    const Bytes byte = from_hex(std::string_view(other).substr(2 * at, 2)).value_or(Bytes(1));
    other.replace(2 * at, 2, to_hex(Bytes{static_cast<std::uint8_t>(byte[0] ^ 0x80)}));
  }
  const auto text = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex).value_or(Bytes());
    return std::string(as_text(bytes));
  };
  return {text(one), text(other)};
}

Result<void> publish(World& world, const std::string& bytes) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  story.released = bytes;
  story.stored = bytes;
  story.manifest = {{"crc32", crc_of(bytes)}, {"md5", md5_of(bytes)}, {"sha256", sha256(bytes).hex()}};
  const trust::Statement statement{{{"digits.csv", sha256(bytes)}},
                                   std::string(kType),
                                   {{"legacy", {{"crc32", crc_of(bytes)}}}, {"bytes", bytes.size()}}};
  const std::vector<trust::PrivateKey> keys{
      TRY(story.project.workspace().load_key("producer", story.project.root()))};
  story.envelope = trust::sign_statement(statement, keys);
  return {};
}

Result<void> attack(World& world) {
  const std::string rows(drills::digits_csv().substr(0, 20'000));
  const std::uint64_t way = world.seed() % kWays;
  if (way == 1) {
    const auto [one, other] = md5_pair();
    TRY(publish(world, one));
    Story& story = world.state<Story>();
    story.stored = other;
    story.manifest = {{"md5", md5_of(one)}};
    return {};
  }
  TRY(publish(world, rows));
  Story& story = world.state<Story>();
  std::string edited = rows;
  edited[rows.size() / 2] = edited[rows.size() / 2] == '7' ? '3' : '7';
  if (way == 0) {
    story.stored = patched(edited, static_cast<std::uint32_t>(std::stoul(crc_of(rows))));
    story.manifest = {{"crc32", crc_of(rows)}};
    return {};
  }
  // The signed manifest loses its strong digest, and the weak one is made to fit.
  story.stored = edited;
  story.manifest = {{"crc32", crc_of(edited)}};
  Json payload = TRY(parse_json(as_text(story.envelope.payload)));
  payload["subject"][0]["digest"] = {{"crc32", crc_of(edited)}};
  story.envelope.payload = to_bytes(canonical(payload));
  return {};
}

Result<void> honest(World& world) {
  return publish(world, std::string(drills::digits_csv().substr(0, 20'000)));
}

// A reader that checks whatever the manifest has.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const Json& said = story.manifest;
  story.taken = (!said.contains("sha256") || said["sha256"] == sha256(story.stored).hex()) &&
                (!said.contains("md5") || said["md5"] == md5_of(story.stored)) &&
                (!said.contains("crc32") || said["crc32"] == crc_of(story.stored));
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.taken && story.stored != story.released;
}

Result<void> check(const Story& story) {
  constexpr std::string_view kProducer[] = {trust::role::kProducer};
  TRY(trust::verify_envelope(story.envelope, story.project.root(), kProducer));
  const trust::Statement statement = TRY(trust::statement_of(story.envelope));
  if (!statement.has_subject(sha256(story.stored))) {
    return fail(ErrorKind::kDenied, "digits.csv is not the snapshot that was signed");
  }
  if (get_int(statement.predicate, "bytes").value_or(-1) != std::ssize(story.stored)) {
    return fail(ErrorKind::kDenied, "digits.csv is not as long as what was signed");
  }
  return {};
}

Result<drills::Outcome> defend(World& world) { return drills::outcome_of(check(world.state<Story>())); }

}  // namespace

const drills::Drill strong_digest_drill{
    .threat = "versions-weak-digest",
    .story =
        "a snapshot is edited so that its CRC-32 stays, traded for the other half of an MD5 collision, or "
        "its "
        "manifest loses the strong digest",
    .honest_story = "a manifest with SHA-256 and, for old readers, a CRC-32",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "edited rows pass for the published snapshot"};

}  // namespace sallyport::experiment::versioned_data
