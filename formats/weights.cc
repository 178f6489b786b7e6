#include "formats/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/limits.h"
#include "core/text.h"
#include "formats/gguf.h"
#include "formats/npy.h"
#include "formats/protobuf_kind.h"
#include "formats/tflite.h"
#include "formats/zip.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kWindow = 8192;

std::uint64_t little(BytesView bytes, std::size_t at, std::size_t width) {
  std::uint64_t out = 0;
  for (std::size_t i = width; i-- > 0;) out = out << 8 | bytes[at + i];
  return out;
}

// The length of the header, and a header that tells where tensors lie; the last one's end is the file's. The
// header itself may be cut short.
std::optional<std::uint64_t> safetensors_size(BytesView bytes) {
  constexpr std::size_t kLength = 8;
  constexpr std::string_view kOffsets = "\"data_offsets\":[";
  if (bytes.size() <= kLength + 2 || bytes[kLength] != '{') return {};
  const std::uint64_t header = little(bytes, 0, kLength);
  if (header > limits::kSafetensorsHeaderBytesMax) return {};
  const std::string_view text = as_text(bytes).substr(kLength, static_cast<std::size_t>(header));
  std::optional<std::uint64_t> size;
  for (std::size_t at = text.find(kOffsets); at != text.npos; at = text.find(kOffsets, at)) {
    at += kOffsets.size();
    const std::string_view pair = text.substr(at, std::min(text.find(']', at), text.size()) - at);
    const std::size_t comma = std::min(pair.find(','), pair.size() - 1);
    const std::uint64_t end =
        pair.empty() ? 0 : parsed_number<std::uint64_t>(pair.substr(comma + 1)).value_or(0);
    if (end < (std::uint64_t{1} << 62)) size = std::max(size.value_or(0), kLength + header + end);
  }
  return size;
}

bool is_pickle(BytesView bytes) {
  // PROTO 2 to 5, then an opcode that makes a value, a name or a frame.
  constexpr std::string_view kFirst = "\x95}](cXKJM\x8a\x8c\x8f)";
  return bytes.size() > 4 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5 &&
         kFirst.find(static_cast<char>(bytes[2])) != std::string_view::npos;
}

std::string_view kind_of_member(std::string_view name) {
  if (name.ends_with("data.pkl")) return "PyTorch checkpoint";
  if (name.ends_with(".npy")) return "NumPy archive";
  if (name.ends_with("model.weights.h5")) return "Keras model";
  if (name.ends_with("serialized_weights") || name.ends_with("weight.bin")) return "model package";
  return {};
}

// Nobody can tell how much an archive without its end is the front of.
std::optional<WeightContainer> zip_of_weights(BytesView bytes) {
  constexpr std::uint64_t kUnknown = std::uint64_t{1} << 40;
  const Result<zip::Archive> archive = zip::parse(bytes);
  if (!archive) return {};
  for (const zip::Member& member : archive->members) {
    const std::string_view what = kind_of_member(member.name);
    if (what.empty()) continue;
    return WeightContainer{what, archive->has_end ? bytes.size() : kUnknown};
  }
  return {};
}

struct Magic {
  std::string_view letters;
  std::size_t at;
  std::string_view what;
};
constexpr std::array<Magic, 7> kMagics{{{"\x89HDF\r\n\x1A\n", 0, "HDF5 file"},
                                        {"CBM1", 0, "CatBoost model"},
                                        {"lmgg", 0, "ggml model"},
                                        {"fmgg", 0, "ggml model"},
                                        {"tjgg", 0, "ggml model"},
                                        {"ET12", 4, "ExecuTorch program"},
                                        {"binf", 0, "XGBoost model"}}};

// HDF5 may stand behind a block of the user's own, of 512 bytes or a power of two above.
bool is_hdf5(BytesView bytes) {
  for (std::size_t at = 512; at + 8 <= bytes.size(); at *= 2) {
    if (as_text(bytes).substr(at).starts_with(kMagics[0].letters)) return true;
  }
  return false;
}

// Boosted trees in text, as their own libraries write them.
std::string_view kind_of_text(std::string_view text) {
  constexpr std::size_t kFront = 4096;
  const std::string_view front = text.substr(0, kFront);
  if (front.starts_with("tree\nversion=")) return "LightGBM model";
  if (front.starts_with("{\"learner\":{\"attributes\"")) return "XGBoost model";
  if (front.find("learner") < 32 && front.find("gradient_booster") != std::string_view::npos) {
    return "XGBoost model";
  }
  return {};
}

// One way to read a number: its width, the byte with its sign, and how its exponent is found.
struct Reading {
  std::string_view type;
  std::size_t width;
  int exponent_bits;
  int exponent_low;  // of trained weights, as stored
  int exponent_high;
};
// Magnitudes from about 2^-26 to 2^7, for half precision from the subnormals to 2^3.
constexpr std::array<Reading, 4> kReadings{{{"32-bit", 4, 8, 101, 134},
                                            {"bfloat16", 2, 8, 101, 134},
                                            {"16-bit", 2, 5, 1, 18},
                                            {"64-bit", 8, 11, 997, 1030}}};

// The entropy of `count` values of a byte, in bits.
double entropy_of(const std::array<std::uint32_t, 256>& counts, std::uint32_t total) {
  double bits = 0;
  for (const std::uint32_t count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / total;
    bits -= share * std::log2(share);
  }
  return bits;
}

// Whether the window, read from `phase` on, is numbers as training leaves them.
bool reads_as(BytesView window, const Reading& reading, std::size_t phase) {
  std::array<std::uint32_t, 256> low{};
  std::uint32_t total = 0, ordinary = 0, negative = 0, zero = 0;
  const int mantissa_bits = static_cast<int>(reading.width) * 8 - 1 - reading.exponent_bits;
  const std::uint64_t exponents = (std::uint64_t{1} << reading.exponent_bits) - 1;
  for (std::size_t at = phase; at + reading.width <= window.size(); at += reading.width) {
    const std::uint64_t bits = little(window, at, reading.width);
    const auto exponent = static_cast<int>(bits >> mantissa_bits & exponents);
    ++total;
    zero += bits == 0 ? 1U : 0U;
    if (exponent < reading.exponent_low || exponent > reading.exponent_high) continue;
    ++ordinary;
    negative += static_cast<std::uint32_t>(bits >> (reading.width * 8 - 1));
    ++low[window[at]];
  }
  // Pruned weights are zeros; half of a window must be numbers all the same.
  if (total == 0 || ordinary * 2 < total || (ordinary + zero) * 100U < total * 98U) return false;
  if (negative * 10U < ordinary || negative * 10U > ordinary * 9U) return false;
  // A window of a thousand values cannot show eight bits; random ones show 7.8, bfloat16's a little less.
  constexpr double kRandom = 6.8;
  return entropy_of(low, ordinary) > kRandom;
}

// One byte throughout, as zeros are: no reading of it has any entropy.
bool is_constant(BytesView window) {
  return window.size() > 1 && std::memcmp(window.data(), window.data() + 1, window.size() - 1) == 0;
}

const Reading* reading_of(BytesView window) {
  if (is_constant(window)) return nullptr;
  for (const Reading& reading : kReadings) {
    for (std::size_t phase = 0; phase < reading.width; ++phase) {
      if (reads_as(window, reading, phase)) return &reading;
    }
  }
  return nullptr;
}

template <class Visit>
void for_each_window(BytesView bytes, Visit visit) {
  constexpr std::size_t kLeast = 1024;
  for (std::size_t at = 0; at < bytes.size(); at += kWindow) {
    const BytesView window = bytes.subspan(at, std::min(kWindow, bytes.size() - at));
    if (window.size() >= kLeast) visit(at, window);
  }
}

// Containers whose size nothing in their front tells.
std::string_view kind_of(BytesView bytes) {
  if (is_gguf(bytes)) return "GGUF file";
  if (is_npy(bytes)) return "NumPy array";
  if (tflite::is_tflite(bytes)) return "TFLite model";
  for (const Magic& magic : kMagics) {
    if (bytes.size() > magic.at && as_text(bytes).substr(magic.at).starts_with(magic.letters)) {
      return magic.what;
    }
  }
  if (is_hdf5(bytes)) return "HDF5 file";
  if (is_pickle(bytes)) return "pickle";
  if (const std::string_view text = kind_of_text(as_text(bytes)); !text.empty()) return text;
  if (looks_like_onnx(bytes)) return "ONNX model";
  return looks_like_saved_model(bytes) || looks_like_graph_def(bytes) ? "TensorFlow graph" : "";
}

}  // namespace

std::optional<WeightContainer> weight_container(BytesView bytes) {
  if (const auto size = safetensors_size(bytes)) return WeightContainer{"safetensors file", *size};
  if (zip::is_zip(bytes)) {
    if (const auto packed = zip_of_weights(bytes)) return packed;
  }
  const std::string_view what = kind_of(bytes);
  if (what.empty()) return std::nullopt;
  return WeightContainer{what, bytes.size()};
}

Numbers find_numbers(BytesView bytes) {
  Numbers out;
  std::array<std::uint64_t, kReadings.size()> by_type{};
  for_each_window(bytes, [&](std::size_t at, BytesView window) {
    const Reading* const reading = reading_of(window);
    if (reading == nullptr) return;
    if (out.bytes == 0) out.offset = at;
    out.bytes += window.size();
    by_type[static_cast<std::size_t>(reading - kReadings.data())] += window.size();
  });
  const auto commonest = std::max_element(by_type.begin(), by_type.end());
  if (out.bytes > 0) out.type = kReadings[static_cast<std::size_t>(commonest - by_type.begin())].type;
  return out;
}

std::uint64_t dense_bytes(BytesView bytes) {
  std::uint64_t out = 0;
  for_each_window(bytes, [&](std::size_t, BytesView window) {
    std::array<std::uint32_t, 256> counts{};
    for (const std::uint8_t byte : window) ++counts[byte];
    // Random bytes lose 255 / (2 ln 2 n) bits to the size of the sample.
    const double lost = 184.0 / static_cast<double>(window.size());
    constexpr double kDense = 6.9;  // 8-bit quantised weights have 7 and more, machine code 6.5
    if (entropy_of(counts, static_cast<std::uint32_t>(window.size())) + lost > kDense) out += window.size();
  });
  return out;
}

LargeFilePointer read_pointer(BytesView bytes) {
  constexpr std::size_t kPointerBytesMax = 1024;
  LargeFilePointer out;
  std::string_view text = as_text(bytes);
  if (text.size() > kPointerBytesMax || !text.starts_with("version ")) return out;
  constexpr std::string_view kName = "oid sha256:";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(kName) && line.size() == kName.size() + 64) out.sha256 = line.substr(kName.size());
    if (!line.starts_with("size ")) continue;
    if (const auto size = parsed_number<std::uint64_t>(line.substr(5))) {
      out.size = *size;
      out.valid = !out.sha256.empty();
    }
  }
  return out;
}

}  // namespace sallyport::formats
