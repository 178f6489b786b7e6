#include "formats/git.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "core/limits.h"
#include "formats/inflate.h"

namespace sallyport::formats::git {
namespace {

constexpr std::array<std::string_view, 5> kTypeNames{"", "commit", "tree", "blob", "tag"};

}  // namespace

std::unexpected<Error> Objects::too_large() {
  return fail(ErrorKind::kLimit,
              "git: more than " + std::to_string(limits::kRepositoryBytesMax) + " bytes of objects");
}

Result<ObjectId> read_id(Reader& reader) {
  ObjectId id;
  const BytesView bytes = TRY(reader.take(id.size()));
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

ObjectId object_id(ObjectType type, BytesView bytes) {
  // SHA-1 is git's name for the object, not our evidence of anything.
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const std::string header =
      std::string(kTypeNames[static_cast<std::size_t>(type)]) + " " + std::to_string(bytes.size());
  ObjectId id{};
  EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr);
  EVP_DigestUpdate(context.get(), header.c_str(), header.size() + 1);
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  EVP_DigestFinal_ex(context.get(), id.data(), nullptr);
  return id;
}

Result<const Objects::Map::value_type*> Objects::add(ObjectType type, Bytes bytes) {
  const ObjectId id = object_id(type, bytes);
  return add(type, id, std::move(bytes));
}

Result<const Objects::Map::value_type*> Objects::add(ObjectType type, const ObjectId& id, Bytes bytes) {
  // A thousand deltas may make one object a thousand times, which costs no memory but time.
  constexpr std::uint64_t kWorkMax = 4 * limits::kRepositoryBytesMax;
  work_ += bytes.size();
  if (bytes.size() > limits::kRepositoryBytesMax - bytes_ || work_ > kWorkMax ||
      objects_.size() >= limits::kRepositoryObjectsMax) {
    return too_large();
  }
  const std::size_t size = bytes.size();
  const auto [at, fresh] = objects_.try_emplace(id, Object{.type = type, .bytes = std::move(bytes)});
  if (fresh) bytes_ += size;
  return &*at;
}

Result<void> Objects::add_known(ObjectType type, const ObjectId& id, Bytes bytes, std::uint64_t size) {
  if (size > limits::kRepositoryBytesMax - bytes_ || objects_.size() >= limits::kRepositoryObjectsMax)
    return too_large();
  const bool elsewhere = type == ObjectType::kBlob;
  const auto [at, fresh] =
      objects_.try_emplace(id, Object{.type = type, .bytes = std::move(bytes), .elsewhere = elsewhere});
  if (fresh) bytes_ += static_cast<std::size_t>(size);
  return {};
}

const Object* Objects::find(const ObjectId& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

std::vector<ObjectId> Objects::ids_of(ObjectType type) const {
  std::vector<ObjectId> out;
  for (const auto& [id, object] : objects_) {
    if (object.type == type) out.push_back(id);
  }
  std::ranges::sort(out);
  return out;
}

Bytes Objects::take(const ObjectId& id) {
  const auto found = objects_.find(id);
  return found == objects_.end() ? Bytes() : std::exchange(found->second.bytes, {});
}

Result<void> Objects::add_loose(BytesView file) {
  Inflated inflated = inflate(file, Wrapper::kZlib, limits::kRepositoryBytesMax - bytes_);
  if (inflated.over_budget) return too_large();
  if (inflated.error) return std::unexpected(*inflated.error);
  const std::string_view text = as_text(inflated.bytes);
  const std::size_t blank = text.find(' ');
  const std::size_t end = text.find('\0');
  if (blank == std::string_view::npos || end == std::string_view::npos || end < blank)
    return invalid("git: object without a header");
  const auto type = std::find(kTypeNames.begin() + 1, kTypeNames.end(), text.substr(0, blank));
  if (type == kTypeNames.end()) return invalid("git: object of an unknown type");
  const auto begin = inflated.bytes.begin() + static_cast<std::ptrdiff_t>(end) + 1;
  const auto* made =
      TRY(add(static_cast<ObjectType>(type - kTypeNames.begin()), Bytes(begin, inflated.bytes.end())));
  return settle({made});
}

Result<void> each_tree_entry(
    BytesView bytes,
    const std::function<void(std::uint32_t mode, std::string_view name, const ObjectId& id)>& on_entry) {
  Reader reader(bytes);
  while (!reader.done()) {
    const std::string_view digits = TRY(reader.until(' '));
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
    if (error != std::errc() || end != digits.data() + digits.size())
      return invalid("git: tree entry without a mode");
    const std::string_view name = TRY(reader.until('\0'));
    on_entry(mode, name, TRY(read_id(reader)));
  }
  return {};
}

Result<std::vector<TreeEntry>> read_tree(BytesView bytes) {
  std::vector<TreeEntry> out;
  TRY(each_tree_entry(bytes, [&](std::uint32_t mode, std::string_view name, const ObjectId& id) {
    out.push_back({.mode = mode, .name = std::string(name), .id = id});
  }));
  return out;
}

std::optional<ObjectId> parse_id(std::string_view hex) {
  ObjectId id{};
  if (hex.size() != 2 * id.size()) return std::nullopt;
  const Result<Bytes> bytes = from_hex(hex);
  if (!bytes) return std::nullopt;
  std::ranges::copy(*bytes, id.begin());
  return id;
}

namespace {

// "Ana Example <ana@example.org> 1700000000 +0100".
Person read_person(std::string_view text) {
  Person out;
  const std::size_t open = text.find('<'), close = text.find("> ", std::min(open, text.size()));
  if (open == std::string_view::npos || close == std::string_view::npos) return out;
  out.name = text.substr(0, open == 0 ? 0 : open - 1);
  out.email = text.substr(open + 1, close - open - 1);
  std::from_chars(text.data() + close + 2, text.data() + text.size(), out.unix_s);
  return out;
}

// The headers one after the other; lines that begin with a blank go on with the one before.
void each_header(std::string_view head,
                 const std::function<void(std::string_view name, std::string_view value, std::size_t begin,
                                          std::size_t end)>& on_header) {
  for (std::size_t at = 0; at < head.size();) {
    std::size_t end = at;
    do {
      end = std::min(head.find('\n', end), head.size() - 1) + 1;
    } while (end < head.size() && head[end] == ' ');
    const std::string_view line = head.substr(at, end - at - (head[end - 1] == '\n' ? 1 : 0));
    const std::size_t blank = std::min(line.find(' '), line.size());
    on_header(line.substr(0, blank), line.substr(std::min(blank + 1, line.size())), at, end);
    at = end;
  }
}

std::string_view head_of(std::string_view commit) {
  const std::size_t end = commit.find("\n\n");
  return commit.substr(0, end == std::string_view::npos ? commit.size() : end + 1);
}

}  // namespace

Result<Commit> read_commit(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  const std::string_view head = head_of(text);
  Commit out;
  bool sound = head.starts_with("tree ");
  each_header(head, [&](std::string_view name, std::string_view value, std::size_t at, std::size_t) {
    if (name == "tree" && at == 0) {
      const auto id = parse_id(value);
      sound = sound && id.has_value();
      if (id) out.tree = *id;
    } else if (name == "parent") {
      const auto id = parse_id(value);
      if (id) out.parents.push_back(*id);
    } else if (name == "author") {
      out.author = read_person(value);
    } else if (name == "committer") {
      out.committer = read_person(value);
    } else if (name == "gpgsig") {
      for (const char c : value) {
        const bool continued = c == ' ' && out.signature.ends_with('\n');
        if (!continued) out.signature += c;
      }
    }
  });
  if (!sound) return invalid("git: commit without a tree");
  out.committed_unix_s = out.committer.unix_s;
  out.message = text.substr(std::min(head.size() + 1, text.size()));
  return out;
}

Bytes signed_payload(BytesView commit) {
  const std::string_view text = as_text(commit);
  const std::string_view head = head_of(text);
  std::string out;
  each_header(head, [&](std::string_view name, std::string_view, std::size_t begin, std::size_t end) {
    if (name != "gpgsig" && name != "gpgsig-sha256") out += head.substr(begin, end - begin);
  });
  out += text.substr(head.size());
  return to_bytes(out);
}

}  // namespace sallyport::formats::git
