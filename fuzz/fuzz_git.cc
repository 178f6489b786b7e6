// What git keeps: an index, packs, loose objects, commits, trees, and the signatures in them. Every object is
// named by its own bytes, and what a delta makes is as long as it says.
#include <cstdlib>

#include "formats/git.h"
#include "formats/git_index.h"
#include "trust/ssh_signature.h"

namespace {

namespace git = sallyport::formats::git;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_objects(const git::Objects& objects) {
  for (const auto& [id, object] : objects.all()) {
    require(git::object_id(object.type, object.bytes) == id);
    if (object.type == git::ObjectType::kTree) (void)git::read_tree(object.bytes);
    if (object.type == git::ObjectType::kCommit) (void)git::read_commit(object.bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sallyport::BytesView bytes(data, size);
  const std::string_view text = sallyport::as_text(bytes);
  if (const auto index = git::read_index(bytes)) {
    for (const auto& [path, id] : *index) require(!path.empty() && path.size() <= size);
  }
  git::Objects objects;
  (void)objects.add_pack(bytes);
  (void)objects.add_loose(bytes);
  read_objects(objects);
  if (const auto commit = git::read_commit(bytes)) require(git::signed_payload(bytes).size() <= size);
  (void)git::read_tree(bytes);
  const std::size_t half = size / 2;
  const auto made = git::apply_delta(bytes.first(half), bytes.subspan(half), 1 << 20);
  require(!made || made->size() <= 1 << 20);
  (void)sallyport::trust::parse_allowed_signers(text);
  require(!sallyport::trust::verify_ssh_signature(text, bytes, "git"));
  return 0;
}
