// repo-weights-exposure: a model's weights stand in the repository, or in anything that its history still
// holds, so whoever can read it has the model.
//
// Names mean nothing. A file is taken apart as far as it goes: archives and streams, what stands behind a
// picture's end, base64 and hexadecimal in text. A piece that has the structure of a weight container is one;
// of the rest, numbers that look trained and bytes that are too dense for anything else count as fragments.
// Small fixtures are allowed one by one and together, pointers to large-file storage at any size. Where
// whoever presents the repository lays what a registry has beside its files (services/scan/registered.h),
// weights and pointers are held against it: which version they are, or that nobody has registered them.
#include <deque>
#include <memory>

#include "core/digest.h"
#include "core/guard.h"
#include "core/limits/weights.h"
#include "formats/armour.h"
#include "formats/inspect/inspect.h"
#include "formats/media.h"
#include "formats/tar.h"
#include "formats/utf8.h"
#include "formats/weights.h"
#include "formats/zip.h"

namespace sallyport::experiment::code_repository {
namespace {

constexpr Parameter kParameters[] = {
    {"file_bytes_max", 65'536, "bytes of weights in one file that a test fixture may have"},
    {"fixtures_bytes_max", 2'097'152, "bytes of fixtures in the whole repository"},
    {"fragments_bytes_max", 262'144, "bytes of pieces without a front in the whole repository"},
    {"pointers_allowed", 1, "1: pointers to large-file storage may stand in the repository; 0: none may"}};

constexpr std::size_t kPieceBytesMin = 1024;
constexpr std::string_view kRemedy =
    "keep it in the model registry and take it out of the history too; until then all who clone have it";

struct Piece {
  std::shared_ptr<const Bytes> owner = {};
  BytesView bytes = {};
  std::string where = {};  // ", in base64 at byte 120"
  int depth = 0;
};

struct Weights {
  std::uint64_t bytes = 0;
  std::string what = {};
  Confidence confidence = Confidence::kHigh;
  bool whole = false;  // a container, which may be a fixture; not a fragment
};

bool is_text(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  return text.find('\0') == std::string_view::npos && formats::is_utf8(text);
}

bool is_packed(BytesView bytes) {
  constexpr std::string_view k7z = "7z\xBC\xAF\x27\x1C";
  return formats::zip::is_zip(bytes) || formats::tar::is_tar(bytes) || formats::codec_of(bytes).has_value() ||
         as_text(bytes).starts_with(k7z);
}

// What one file holds.
class Search {
 public:
  explicit Search(const RepositoryFile& file) { queue({.bytes = file.bytes}); }

  std::vector<Weights> run() {
    std::size_t pieces = 0;
    while (!open_.empty() && pieces++ < limits::kWeightPiecesMax) {
      const Piece piece = std::move(open_.front());
      open_.pop_front();
      if (!known(piece) && !unpacked(piece)) unknown(piece);
    }
    return std::move(found_);
  }

 private:
  void queue(Piece piece) {
    if (piece.bytes.size() >= kPieceBytesMin && piece.depth <= limits::kWeightDepthMax) {
      open_.push_back(std::move(piece));
    }
  }

  void add(std::uint64_t bytes, std::string what, Confidence confidence, bool whole) {
    if (bytes > 0) found_.push_back({bytes, std::move(what), confidence, whole});
  }

  // Containers, pictures and text. Whether there is nothing more to learn of the piece.
  bool known(const Piece& piece) {
    if (const auto container = formats::weight_container(piece.bytes)) {
      const bool cut = container->size > piece.bytes.size();
      add(container->size, (cut ? "the front of a " : "a ") + std::string(container->what) + piece.where,
          Confidence::kHigh, true);
      return true;
    }
    if (const std::size_t end = formats::media_end(piece.bytes); end > 0) {
      numbers(piece, piece.bytes.first(end));
      queue({piece.owner, piece.bytes.subspan(end), piece.where + ", behind the end of a picture or sound",
             piece.depth + 1});
      return true;
    }
    if (!is_text(piece.bytes)) return false;
    for (formats::Armoured& part : formats::find_armoured(as_text(piece.bytes), kPieceBytesMin)) {
      auto owner = std::make_shared<const Bytes>(std::move(part.bytes));
      queue({owner, *owner,
             piece.where + ", in " + std::string(part.kind) + " at byte " + std::to_string(part.offset),
             piece.depth + 1});
    }
    return true;
  }

  // Archives and streams: each layer is a piece. False when nothing came of it, or not all of it.
  bool unpacked(const Piece& piece) {
    if (!is_packed(piece.bytes)) return false;
    formats::inspect::Options options{.unpacked_bytes_max = limits::kWeightUnpackedBytesMax};
    options.on_layer = [&](const formats::inspect::Layer& layer) {
      if (layer.depth == 0 || layer.bytes.size() < kPieceBytesMin) return;
      const Piece inner{.bytes = layer.bytes,
                        .where = piece.where + ", in " + formats::printable(layer.path),
                        .depth = piece.depth + layer.depth};
      if (known(keep(inner))) return;
      // What is packed is a layer further down; a few letters of a tensor may look packed as well.
      if (is_packed(layer.bytes))
        numbers(inner, layer.bytes);
      else
        unknown(inner);
    };
    const formats::inspect::Inspection seen = formats::inspect::inspect(piece.bytes, options);
    return seen.layers > 1 && seen.unread.empty();
  }

  // A layer's bytes are gone after the call; pieces cut out of pictures need them longer.
  static Piece keep(const Piece& piece) {
    if (formats::media_end(piece.bytes) == 0) return piece;
    auto owner = std::make_shared<const Bytes>(piece.bytes.begin(), piece.bytes.end());
    return {.owner = owner, .bytes = *owner, .where = piece.where, .depth = piece.depth};
  }

  std::uint64_t numbers(const Piece& piece, BytesView bytes) {
    const formats::Numbers numbers = formats::find_numbers(bytes);
    add(numbers.bytes, std::string(numbers.type) + " numbers as training leaves them" + piece.where,
        Confidence::kMedium, false);
    return numbers.bytes;
  }

  void unknown(const Piece& piece) {
    if (numbers(piece, piece.bytes) > 0) return;
    add(formats::dense_bytes(piece.bytes),
        "bytes of no known format as dense as packed or encrypted weights" + piece.where, Confidence::kLow,
        false);
  }

  std::deque<Piece> open_;
  std::vector<Weights> found_;
};

// What is below the limit of one file, all together.
struct Together {
  std::uint64_t bytes = 0;
  std::size_t files = 0;
  const RepositoryFile* first = nullptr;

  void add(const RepositoryFile& file, std::uint64_t more) {
    bytes += more;
    ++files;
    if (first == nullptr) first = &file;
  }
};

void say(const RepositoryFile& file, std::string message, Confidence confidence, Examination& out) {
  if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
  if (!file.commit.empty()) message += ", which only history holds, commit " + file.commit;
  out.findings.push_back({.confidence = confidence,
                          .where = {.path = file.path, .commit = file.commit},
                          .message = std::move(message),
                          .remedy = std::string(kRemedy)});
}

// What a registry has, by SHA-256; nothing when none was laid beside the files, under a path that no file of
// a repository can have.
constexpr std::string_view kRegistry = "/evidence/registry.json";

class Registered {
 public:
  static Result<Registered> of(const RepositorySubject& repository) {
    Registered out;
    for (const RepositoryFile& file : repository.files) {
      if (file.path != kRegistry || !file.commit.empty()) continue;
      const Json document = TRY(parse_json(as_text(file.bytes)));
      if (!document.is_object() || !document.contains("files"))
        return invalid(file.path + ": no list of registered files");
      out.known_ = true;
      out.files_ = document.at("files");
    }
    return out;
  }

  void hold(const RepositoryFile& file, const std::string& sha256_hex, std::string_view what,
            Examination& out) const {
    if (!known_ || out.findings.size() >= limits::kFindingsPerGuardMax) return;
    const bool registered = files_.is_object() && files_.contains(sha256_hex);
    Finding finding{.severity = registered ? Severity::kLow : Severity::kMedium,
                    .confidence = Confidence::kHigh,
                    .where = {.path = file.path, .commit = file.commit},
                    .message = std::string(what) + " in no version of the registry"};
    finding.rule = registered ? "registered-weights" : "unregistered-weights";
    if (registered) finding.message = std::string(what) + " in the registry: " + files_.value(sha256_hex, "");
    finding.remedy = registered ? "take it from the registry, where its chain is verified"
                                : "register it through the pipeline, or take it out";
    out.findings.push_back(std::move(finding));
  }

 private:
  bool known_ = false;
  Json files_ = Json::object();
};

void say_together(const Together& together, std::string_view what, double bytes_max, Examination& out) {
  if (static_cast<double>(together.bytes) <= bytes_max) return;
  say(*together.first,
      std::to_string(together.bytes) + " bytes of " + std::string(what) + " in " +
          std::to_string(together.files) + " files, this one first, each below the limit of one",
      Confidence::kMedium, out);
}

Result<Examination> check(const RepositorySubject& repository, const Parameters& parameters) {
  const double file_max = parameters.get("file_bytes_max");
  const Registered registered = TRY(Registered::of(repository));
  Examination out;
  Together fixtures, fragments;
  std::uint64_t exposed = 0;
  for (const RepositoryFile& file : repository.files) {
    if (file.path == kRegistry && file.commit.empty()) continue;
    const formats::LargeFilePointer pointer = formats::read_pointer(file.bytes);
    if (pointer.valid && parameters.get("pointers_allowed") == 0) {
      say(file, "a pointer to " + std::to_string(pointer.size) + " bytes in large-file storage",
          Confidence::kHigh, out);
    }
    if (pointer.valid) registered.hold(file, pointer.sha256, "what the pointer stands for is", out);
    bool any = false;
    for (const Weights& weights : Search(file).run()) {
      if (static_cast<double>(weights.bytes) <= file_max) {
        (weights.whole ? fixtures : fragments).add(file, weights.bytes);
        continue;
      }
      any = true;
      exposed += weights.bytes;
      say(file, std::to_string(weights.bytes) + " bytes: " + weights.what, weights.confidence, out);
    }
    if (any) registered.hold(file, sha256(file.bytes).hex(), "the file is", out);
  }
  say_together(fixtures, "weight files", parameters.get("fixtures_bytes_max"), out);
  say_together(fragments, "what looks like pieces of weights", parameters.get("fragments_bytes_max"), out);
  out.statistics.push_back({.name = "bytes of weights exposed", .value = static_cast<double>(exposed)});
  out.statistics.push_back(
      {.name = "files and objects searched", .value = static_cast<double>(repository.files.size())});
  return out;
}

}  // namespace

extern const Guard weights_exposure;
const Guard weights_exposure{
    .id = "weights_exposure",
    .threats = {"repo-weights-exposure"},
    .summary = "a push that holds a model's weights, whole or in pieces, under whatever name",
    .looks_for =
        "weight containers by structure (safetensors, PyTorch, ONNX, GGUF, HDF5, NumPy, TFLite, TensorFlow, "
        "boosted trees), in archives, behind pictures, in base64 and hexadecimal; trained numbers by their "
        "exponents and signs; dense bytes of no known format; which version of a registry they are, where "
        "one is "
        "named; weights drawn into a picture's own pixels, and spelled out in decimal, are missed",
    .parameters = kParameters,
    .repository = check};

}  // namespace sallyport::experiment::code_repository
