#include "tests/storm/storm.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "core/env.h"
#include "core/json.h"
#include "services/sqlite/sqlite.h"

namespace sallyport::storm {
namespace {

constexpr std::string_view kEntries = ".sallyport/log/tile/entries/";
constexpr std::string_view kCheckpoint = ".sallyport/log/checkpoint";

// Locks and scratch are nobody's input.
bool is_used(const std::string& path) {
  return path.find("/tmp/") == std::string::npos && !path.ends_with(".lock");
}

// An entry bundle as its entries, each with its two bytes of length.
std::vector<Bytes> split_entries(const Bytes& bundle) {
  std::vector<Bytes> out;
  for (std::size_t at = 0; at + 2 <= bundle.size();) {
    const std::size_t length = static_cast<std::size_t>(bundle[at]) << 8 | bundle[at + 1];
    const std::size_t end = std::min(at + 2 + length, bundle.size());
    out.emplace_back(bundle.begin() + static_cast<std::ptrdiff_t>(at),
                     bundle.begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
  }
  return out;
}

Bytes join(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

Snapshot take_snapshot(const fs::path& folder) {
  Snapshot out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = fs::relative(entry.path(), folder).string();
    auto bytes = system_env().read_file(entry.path());
    SP_CHECK(bytes.has_value());
    out[path] = std::move(*bytes);
  }
  return out;
}

void restore(const fs::path& folder, const Snapshot& snapshot, const std::vector<std::string>& touched) {
  for (const std::string& path : touched) {
    fs::remove(folder / path);
    const auto known = snapshot.find(path);
    if (known == snapshot.end()) continue;
    const unsigned mode = path.ends_with(".key") ? 0600 : 0644;
    SP_CHECK(system_env().write_new(folder / path, known->second, mode).has_value());
  }
}

Storm::Storm(fs::path folder, Snapshot pristine, std::vector<Bytes> history, std::uint64_t seed)
    : folder_(std::move(folder)),
      pristine_(std::move(pristine)),
      history_(std::move(history)),
      random_(seed) {}

const std::string& Storm::any_file(const std::function<bool(const std::string&)>& wanted) {
  std::vector<const std::string*> candidates;
  for (const auto& [path, bytes] : pristine_) {
    if (is_used(path) && !bytes.empty() && wanted(path)) candidates.push_back(&path);
  }
  SP_CHECK(!candidates.empty());
  return *candidates[random_() % candidates.size()];
}

void Storm::write(const std::string& path, const Bytes& bytes) {
  fs::remove(folder_ / path);
  const unsigned mode = path.ends_with(".key") ? 0600 : 0644;
  SP_CHECK(system_env().write_new(folder_ / path, bytes, mode).has_value());
}

Change Storm::flip_bit() {
  const std::string& path = any_file([](const std::string&) { return true; });
  Bytes bytes = pristine_[path];
  const std::size_t at = random_() % bytes.size();
  bytes[at] ^= static_cast<std::uint8_t>(1U << random_() % 8);
  write(path, bytes);
  return {"bit", "one bit of byte " + std::to_string(at) + " of " + path, {path}};
}

Change Storm::change_tail() {
  const std::string& path = any_file([](const std::string&) { return true; });
  Bytes bytes = pristine_[path];
  const bool cut = random_() % 2 == 0;
  if (cut) {
    bytes.resize(random_() % bytes.size());
  } else {
    bytes.push_back(static_cast<std::uint8_t>(random_()));
  }
  write(path, bytes);
  return {"tail", (cut ? "cut short: " : "one byte appended to ") + path, {path}};
}

Change Storm::remove_file() {
  const std::string& path = any_file([](const std::string&) { return true; });
  fs::remove(folder_ / path);
  return {"remove", "removed " + path, {path}};
}

Change Storm::swap_files() {
  const std::string a = any_file([](const std::string&) { return true; });
  const fs::path parent = fs::path(a).parent_path();
  const std::string b = any_file([&](const std::string& path) {
    return fs::path(path).parent_path() == parent || path.find("/store/") != std::string::npos;
  });
  const Bytes first = pristine_[a];
  write(a, pristine_[b]);
  write(b, first);
  return {"swap", "contents of " + a + " and " + b + " exchanged", {a, b}};
}

Change Storm::edit_log_entries() {
  const std::string path = any_file([](const std::string& p) { return p.starts_with(kEntries); });
  std::vector<Bytes> entries = split_entries(pristine_[path]);
  const std::size_t at = random_() % entries.size();
  std::string what;
  switch (random_() % 3) {
    case 0:
      entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at));
      what = "dropped";
      break;
    case 1:
      entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(at), entries[at]);
      what = "repeated";
      break;
    default:
      std::swap(entries[at], entries[(at + 1) % entries.size()]);
      what = "reordered";
  }
  write(path, join(entries));
  return {"log entry", "entry " + std::to_string(at) + " " + what + " in " + path, {path}};
}

Change Storm::older_checkpoint() {
  if (history_.empty()) return flip_bit();
  const std::size_t at = random_() % history_.size();
  const std::string path(kCheckpoint);
  write(path, history_[at]);
  return {"rollback", "checkpoint of an earlier moment (" + std::to_string(at) + ")", {path}};
}

// One cell, or one row, of one table, through SQLite itself.
Change Storm::edit_database() {
  const std::string path = any_file([](const std::string& p) { return p.ends_with(".db"); });
  auto database = services::sqlite::Database::open(folder_ / path);
  SP_CHECK(database.has_value());
  const auto tables = database->query("SELECT name FROM sqlite_master WHERE type='table'");
  SP_CHECK(tables && !tables->empty());
  const std::string table = std::get<std::string>((*tables)[random_() % tables->size()][0]);
  const auto columns = database->query("SELECT name FROM pragma_table_info('" + table + "')");
  const auto rows = database->query("SELECT rowid FROM " + table);
  SP_CHECK(columns && rows && !rows->empty());
  const std::string column = std::get<std::string>((*columns)[random_() % columns->size()][0]);
  const std::string row = std::to_string(std::get<std::int64_t>((*rows)[random_() % rows->size()][0]));
  std::string sql;
  switch (random_() % 3) {
    case 0: sql = "DELETE FROM " + table + " WHERE rowid=" + row; break;
    case 1: sql = "INSERT INTO " + table + " SELECT * FROM " + table + " WHERE rowid=" + row; break;
    default:
      sql = "UPDATE " + table + " SET " + column + "=CASE typeof(" + column + ") WHEN 'text' THEN " + column +
            "||'0' ELSE " + column + "+1 END WHERE rowid=" + row;
  }
  SP_CHECK(database->execute(sql + "; PRAGMA wal_checkpoint(TRUNCATE)").has_value());
  return {"database", path + ": " + sql, {path, path + "-wal", path + "-shm"}};
}

// A statement rewritten by somebody without a key: another verdict, digest or number in the same envelope.
Change Storm::forge_attestation() {
  const std::string path =
      any_file([](const std::string& p) { return p.starts_with(".sallyport/attestations/"); });
  auto envelope = parse_json(as_text(pristine_[path]));
  SP_CHECK(envelope.has_value());
  auto payload = from_base64((*envelope)["payload"].get<std::string>());
  SP_CHECK(payload.has_value());
  std::string text(as_text(*payload));
  const std::size_t digit = text.find_first_of("0123456789abcdef", random_() % text.size());
  if (digit == std::string::npos) return flip_bit();
  text[digit] = text[digit] == '0' ? '1' : '0';
  (*envelope)["payload"] = to_base64(as_bytes(text));
  write(path, to_bytes(canonical(*envelope)));
  return {"forgery", "payload of " + path + " changed at " + std::to_string(digit), {path}};
}

Change Storm::strike() {
  static constexpr std::array kKinds{
      &Storm::flip_bit,         &Storm::change_tail,      &Storm::remove_file,   &Storm::swap_files,
      &Storm::edit_log_entries, &Storm::older_checkpoint, &Storm::edit_database, &Storm::forge_attestation};
  return (this->*kKinds[count_++ % kKinds.size()])();
}

void Storm::undo(const Change& change) { restore(folder_, pristine_, change.touched); }

}  // namespace sallyport::storm
