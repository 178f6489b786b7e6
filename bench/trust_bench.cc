// Hashing and signing a directory, durable appends to the log, and the check of a proof.
#include <openssl/evp.h>
#include <array>
#include <thread>

#include "bench/bench.h"
#include "core/parallel.h"
#include "trust/dsse.h"
#include "trust/manifest.h"
#include "trust/statement.h"
#include "trust/tlog.h"

namespace sallyport::bench {
namespace {

using trust::Hash;
using trust::PrivateKey;

constexpr std::size_t kGiB = std::size_t{1} << 30;

// What `openssl speed -evp sha256 -multi N` measures: blocks of 16 KiB that stay in the cache, on N threads
// at once.
double openssl_bytes_per_s(unsigned threads, double seconds) {
  std::vector<double> rates(threads);
  const auto measure = [&](unsigned t) {
    const std::vector<unsigned char> block(16 * 1024, static_cast<unsigned char>(t));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    double blocks = 0;
    const double start = now_s();
    double end = start;
    while (end - start < seconds) {
      for (int i = 0; i < 64; ++i) {
        EVP_DigestInit_ex2(context, md, nullptr);
        EVP_DigestUpdate(context, block.data(), block.size());
        EVP_DigestFinal_ex(context, digest.data(), &size);
      }
      blocks += 64;
      end = now_s();
    }
    EVP_MD_CTX_free(context);
    EVP_MD_free(md);
    rates[t] = blocks * static_cast<double>(block.size()) / (end - start);
  };
  {
    std::vector<std::jthread> pool;
    for (unsigned t = 0; t < threads; ++t) pool.emplace_back(measure, t);
  }
  double out = 0;
  for (const double rate : rates) out += rate;
  return out;
}

Result<void> write_gigabyte(const fs::path& folder) {
  constexpr std::size_t kFiles = 64;
  Bytes chunk(kGiB / kFiles);
  for (std::size_t f = 0; f < kFiles; ++f) {
    system_env().random(std::span(chunk).first(4096));  // no two files alike
    TRY(system_env().write_new(folder / ("shard-" + std::to_string(100 + f) + ".bin"), chunk, 0644));
  }
  return {};
}

// Rounds of the one and the other in turn, so that what else the machine does weighs on both; the median
// ratio counts.
Result<std::vector<Figure>> bench_directory(const fs::path& scratch) {
  constexpr int kRounds = 5;
  Env& env = system_env();
  const fs::path folder = scratch / "gigabyte";
  TRY(env.make_directories(folder));
  TRY(write_gigabyte(folder));
  const std::vector<PrivateKey> signers{TRY(PrivateKey::generate(env))};
  TRY(trust::scan_directory(env, folder));  // the page cache is warm from here on
  const unsigned cores = core_count();
  std::vector<double> ratios;
  std::vector<double> rates;
  for (int round = 0; round < kRounds; ++round) {
    const double before = openssl_bytes_per_s(cores, 0.4);
    const double start = now_s();
    const trust::Manifest manifest = TRY(trust::scan_directory(env, folder));
    const trust::Statement statement{{{"gigabyte", trust::digest_of(manifest)}},
                                     std::string(trust::predicate::kProvenance),
                                     Json::object()};
    const trust::Envelope envelope = trust::sign_statement(statement, signers);
    const double seconds = now_s() - start;
    if (envelope.signatures.size() != 1) return invalid("the directory was not signed");
    const double after = openssl_bytes_per_s(cores, 0.4);
    rates.push_back(static_cast<double>(kGiB) / seconds);
    ratios.push_back(rates.back() / ((before + after) / 2));
  }
  const double one = openssl_bytes_per_s(1, 0.4);
  return std::vector<Figure>{{.name = "hash and sign 1 GiB, share of openssl's SHA-256",
                              .value = median(ratios),
                              .unit = "ratio",
                              .target = 0.9,
                              .how = "64 files, page cache warm, median of 5, against openssl on the same " +
                                     std::to_string(cores) + " cores"},
                             {.name = "hash and sign 1 GiB",
                              .value = median(rates) / 1e9,
                              .unit = "GB/s",
                              .how = "the same runs"},
                             {.name = "openssl SHA-256 in memory",
                              .value = one / 1e9,
                              .unit = "GB/s",
                              .how = "16 KiB blocks, 1 core"}};
}

Result<Figure> bench_log(const fs::path& scratch) {
  constexpr std::size_t kBatch = 4096;
  constexpr std::size_t kBatches = 40;
  Env& env = system_env();
  const PrivateKey key = TRY(PrivateKey::generate(env));
  trust::Log log =
      TRY(trust::Log::create(env, scratch / "log", {"bench.example/log", {key.public_key()}}, key));
  std::vector<Bytes> entries(kBatch);
  const double start = now_s();
  for (std::size_t b = 0; b < kBatches; ++b) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      const std::string text = "{\"envelope\":\"" + sha256(std::to_string(b * kBatch + i)).hex() +
                               "\",\"predicateType\":\"https://sallyport.dev/gate/v1\"}";
      entries[i] = to_bytes(text);
    }
    TRY(log.append(entries, key));
  }
  const double seconds = now_s() - start;
  TRY(log.fsck());
  return Figure{.name = "log, durable appends",
                .value = static_cast<double>(kBatch * kBatches) / seconds,
                .unit = "entries/s",
                .target = 20'000,
                .how = "40 batches of 4096, each synced before it is acknowledged"};
}

Result<std::vector<Figure>> bench_proofs() {
  constexpr std::uint64_t kLeaves = 1 << 20;
  constexpr std::uint64_t kChecks = 20'000;
  const auto entry = [](std::uint64_t i) { return to_bytes("entry " + std::to_string(i)); };
  trust::MemoryTree tree;
  for (std::uint64_t i = 0; i < kLeaves; ++i) tree.append(trust::leaf_hash(entry(i)));
  const Hash root = tree.root();
  std::vector<std::pair<std::uint64_t, trust::Proof>> proofs;
  for (std::uint64_t i = 0; i < kChecks; ++i) {
    const std::uint64_t index = i * 7919 % kLeaves;
    proofs.emplace_back(index, TRY(trust::prove_inclusion(index, kLeaves, tree)));
  }
  const double start = now_s();
  for (const auto& [index, proof] : proofs) {
    TRY(trust::check_inclusion(proof, index, trust::leaf_hash(entry(index)), kLeaves, root));
  }
  const double check_us = (now_s() - start) / kChecks * 1e6;

  Env& env = system_env();
  const PrivateKey key = TRY(PrivateKey::generate(env));
  const std::vector<trust::PublicKey> keys{key.public_key()};
  const std::string checkpoint = TRY(trust::sign_checkpoint({"bench.example/log", kLeaves, root}, key));
  const double signed_start = now_s();
  for (std::size_t i = 0; i < 1000; ++i) TRY(trust::open_checkpoint(checkpoint, "bench.example/log", keys));
  const double open_us = (now_s() - signed_start) / 1000 * 1e6;
  return std::vector<Figure>{{.name = "log, inclusion proof verified",
                              .value = check_us,
                              .unit = "us",
                              .target = 50,
                              .better = Better::kLower,
                              .how = "entry hashed and proof of 20 hashes checked, 1,048,576 entries"},
                             {.name = "log, signed checkpoint opened",
                              .value = open_us,
                              .unit = "us",
                              .better = Better::kLower,
                              .how = "parsed and its Ed25519 signature verified"}};
}

}  // namespace

Result<std::vector<Figure>> bench_trust() {
  const Scratch scratch;
  std::vector<Figure> out = TRY(bench_directory(scratch.path()));
  out.push_back(TRY(bench_log(scratch.path())));
  for (Figure& figure : TRY(bench_log_appends())) out.push_back(std::move(figure));
  for (Figure& figure : TRY(bench_proofs())) out.push_back(std::move(figure));
  return out;
}

}  // namespace sallyport::bench
