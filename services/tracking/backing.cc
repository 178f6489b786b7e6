#include "services/tracking/backing.h"

#include <array>

#include "services/tracking/store_postgres.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::size_t kMarkBytesMax = 100;
constexpr std::string_view kNotYetMade = " not yet made";

// "ID\n", or "ID not yet made\n" until the database has its tables.
Result<Belonging> read_mark(Env& env, const fs::path& file) {
  const Bytes bytes = TRY(env.read_file(file, kMarkBytesMax));
  std::string_view text = as_text(bytes);
  const auto wrong = [&] { return invalid(file.string() + ": not what a server wrote there"); };
  if (!text.ends_with('\n')) return wrong();
  text.remove_suffix(1);
  Belonging out{.folder = {}, .made = !text.ends_with(kNotYetMade)};
  if (!out.made) text.remove_suffix(kNotYetMade.size());
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return wrong();
  }
  out.folder = text;
  return out;
}

// Before the database hears of it, so that a server that is killed in between knows its own again.
Result<Belonging> make_mark(Env& env, const fs::path& file) {
  std::array<std::uint8_t, 16> salt{};
  env.random(salt);
  const Belonging out{.folder = to_hex(salt)};
  TRY(write_durably(env, file, as_bytes(out.folder + std::string(kNotYetMade) + "\n")));
  return out;
}

Result<void> check_kind(Env& env, const fs::path& root, const Backing& backing) {
  if (backing.database && env.exists(root / kSqliteFile)) {
    return invalid(root.string() + ": its tables are in " + kSqliteFile + " already",
                   "begin with an empty folder");
  }
  if (!backing.database && env.exists(root / kPostgresMark)) {
    return fail(ErrorKind::kNotFound, root.string() + ": its tables are in PostgreSQL",
                "say where: --backend-store-uri URL");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(Env& env, const fs::path& root, const Backing& backing) {
  TRY(check_kind(env, root, backing));
  if (!backing.database) return open_sqlite_store(root / kSqliteFile);
  const fs::path mark = root / kPostgresMark;
  const Belonging belonging = env.exists(mark) ? TRY(read_mark(env, mark)) : TRY(make_mark(env, mark));
  auto store = TRY(open_postgres_store(*backing.database, belonging, backing.tell));
  if (!belonging.made) TRY(write_durably(env, mark, as_bytes(belonging.folder + "\n")));
  return store;
}

Result<std::unique_ptr<Connection>> open_reader(Env& env, const fs::path& root, const Backing& backing) {
  TRY(check_kind(env, root, backing));
  const char* part = backing.database ? kPostgresMark : kSqliteFile;
  if (!env.exists(root / part)) {
    return fail(ErrorKind::kNotFound, root.string() + ": not a server's folder: it has no " + part);
  }
  if (!backing.database) return open_sqlite_reader(root / kSqliteFile);
  return open_postgres_reader(*backing.database, TRY(read_mark(env, root / kPostgresMark)).folder);
}

}  // namespace sallyport::services::tracking
