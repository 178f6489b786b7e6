#include "services/notebook/readings.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "core/limits/notebook.h"
#include "formats/codec.h"
#include "formats/png.h"
#include "formats/zip.h"

namespace sallyport::services::notebook {
namespace {

constexpr std::size_t kRunMin = 32;  // letters of an encoding, in a row, that are decoded

constexpr std::uint8_t kNone = 255;
constexpr std::uint8_t kBlank = 254;
constexpr std::uint8_t kPadding = 253;  // ends a group, and the next may follow

constexpr std::array<std::uint8_t, 256> kSextets = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(kNone);
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kLetters.size(); ++i)
    out[static_cast<unsigned char>(kLetters[i])] = static_cast<std::uint8_t>(i);
  out['-'] = 62;
  out['_'] = 63;
  for (const unsigned char c : {'\n', '\r', '\\'}) out[c] = kBlank;
  out['='] = kPadding;
  return out;
}();

constexpr std::array<std::uint8_t, 256> kNibbles = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(kNone);
  for (std::uint8_t i = 0; i < 10; ++i) out['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) out['a' + i] = out['A' + i] = static_cast<std::uint8_t>(10 + i);
  for (const unsigned char c : {'\n', '\r'}) out[c] = kBlank;
  return out;
}();

// Each run of letters of an alphabet of 2^bits, decoded.
void decode_runs(BytesView bytes, const std::array<std::uint8_t, 256>& alphabet, unsigned bits,
                 std::vector<Bytes>& out) {
  for (std::size_t at = 0; at < bytes.size();) {
    Bytes decoded;
    std::uint32_t held = 0;
    unsigned count = 0;
    std::size_t letters = 0;
    for (; at < bytes.size() && alphabet[bytes[at]] != kNone; ++at) {
      if (alphabet[bytes[at]] == kBlank) continue;
      if (alphabet[bytes[at]] == kPadding) {
        count = 0;
        continue;
      }
      held = (held << bits | alphabet[bytes[at]]) & 0xFFFFFF;
      count += bits;
      ++letters;
      if (count < 8) continue;
      count -= 8;
      decoded.push_back(static_cast<std::uint8_t>(held >> count));
    }
    if (letters >= kRunMin) out.push_back(std::move(decoded));
    ++at;
  }
}

// What is right below a layer.
std::vector<Bytes> below(BytesView layer, std::size_t room, bool& whole) {
  std::vector<Bytes> out;
  if (const auto codec = formats::codec_of(layer)) {
    formats::Inflated inner = formats::unpack(*codec, layer, room);
    whole = whole && !inner.over_budget;
    if (!inner.bytes.empty()) out.push_back(std::move(inner.bytes));
  }
  if (formats::zip::is_zip(layer)) {
    if (const auto archive = formats::zip::parse(layer)) {
      for (const formats::zip::Member& member : archive->members) {
        if (out.size() == limits::kEgressLayersMax) break;
        if (member.method == formats::zip::kStored) out.emplace_back(member.data.begin(), member.data.end());
        if (member.method == formats::zip::kDeflated)
          out.push_back(formats::unpack(formats::Codec::kDeflate, member.data, room).bytes);
      }
    }
  }
  if (formats::is_png(layer)) {
    if (auto picture = formats::read_png(layer)) out.push_back(std::move(picture->samples));
  }
  decode_runs(layer, kSextets, 6, out);
  decode_runs(layer, kNibbles, 4, out);
  return out;
}

double half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  if (exponent == 31) return std::numeric_limits<double>::quiet_NaN();
  const double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits >> 15) != 0 ? -value : value;
}

template <class Item, class To>
void read_items(BytesView layer, const To& to,
                const std::function<void(std::span<const double>)>& on_numbers) {
  std::vector<double> numbers;
  for (std::size_t from = 0; from < sizeof(Item) && from + sizeof(Item) <= layer.size(); ++from) {
    numbers.clear();
    for (std::size_t at = from; at + sizeof(Item) <= layer.size(); at += sizeof(Item)) {
      Item item;
      std::memcpy(&item, layer.data() + at, sizeof item);
      numbers.push_back(to(item));
    }
    on_numbers(numbers);
  }
}

std::vector<double> decimals(std::string_view text) {
  std::vector<double> out;
  const auto starts = [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  for (std::size_t at = 0; at < text.size();) {
    double value = 0;
    const auto [end, error] = starts(text[at])
                                  ? std::from_chars(text.data() + at, text.data() + text.size(), value)
                                  : std::from_chars_result{text.data(), std::errc::invalid_argument};
    if (error == std::errc()) {
      out.push_back(value);
      at = static_cast<std::size_t>(end - text.data());
    } else {
      ++at;
    }
  }
  return out;
}

}  // namespace

bool for_each_layer(BytesView body, const std::function<void(BytesView)>& on_layer) {
  std::deque<Bytes> waiting;
  bool whole = true;
  std::size_t room = limits::kEgressUnpackedBytesMax;
  std::size_t seen = 0;
  const auto look = [&](BytesView layer) {
    on_layer(layer);
    ++seen;
    for (Bytes& inner : below(layer, room, whole)) {
      if (inner.size() < kRunMin / 2) continue;
      if (inner.size() > room || seen + waiting.size() >= limits::kEgressLayersMax) {
        whole = false;
        continue;
      }
      room -= inner.size();
      waiting.push_back(std::move(inner));
    }
  };
  look(body);
  while (!waiting.empty()) {
    const Bytes layer = std::move(waiting.front());
    waiting.pop_front();
    look(layer);
  }
  return whole;
}

void for_each_reading(BytesView layer, const std::function<void(std::span<const double>)>& on_numbers) {
  read_items<std::uint8_t>(
      layer, [](std::uint8_t x) { return static_cast<double>(x); }, on_numbers);
  read_items<std::int8_t>(
      layer, [](std::int8_t x) { return static_cast<double>(x); }, on_numbers);
  read_items<std::uint16_t>(
      layer, [](std::uint16_t x) { return static_cast<double>(x); }, on_numbers);
  read_items<std::int16_t>(
      layer, [](std::int16_t x) { return static_cast<double>(x); }, on_numbers);
  read_items<std::uint16_t>(layer, half, on_numbers);
  read_items<float>(
      layer, [](float x) { return static_cast<double>(x); }, on_numbers);
  read_items<double>(
      layer, [](double x) { return x; }, on_numbers);
  on_numbers(decimals(as_text(layer)));
}

}  // namespace sallyport::services::notebook
