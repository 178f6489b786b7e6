// Segments of the audit log as files: reading them in order, compressing the closed ones; see audit.h.
#include <zlib.h>

#include <algorithm>
#include <array>

#include "services/server/audit.h"

namespace sallyport::services::server {
namespace {

constexpr int kGzip = 16 + MAX_WBITS;  // zlib's way of asking for a gzip header

Result<Bytes> gunzip(BytesView packed) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) return fail(ErrorKind::kIo, "zlib: cannot start");
  Bytes out;
  std::array<std::uint8_t, 1 << 16> block;
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK && out.size() <= limits::kAuditSegmentBytesMax) {
    stream.next_out = block.data();
    stream.avail_out = static_cast<uInt>(block.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.insert(out.end(), block.begin(), block.end() - stream.avail_out);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (out.size() > limits::kAuditSegmentBytesMax) return fail(ErrorKind::kLimit, "unpacks to over 1 GiB");
  if (!whole) return invalid("gzip data is torn or followed by something else");
  return out;
}

Result<Bytes> gzip(BytesView plain) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorKind::kIo, "zlib: cannot start");
  }
  Bytes out(deflateBound(&stream, static_cast<uLong>(plain.size())));
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) return fail(ErrorKind::kIo, "zlib: cannot compress");
  return out;
}

// "000012.jsonl" and "000012.jsonl.gz" are segment 12; anything else is none.
std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (name.ends_with(".gz")) name.remove_suffix(3);
  if (name.size() != 12 || !name.ends_with(".jsonl")) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : name.substr(0, 6)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

}  // namespace

Result<std::vector<std::string>> read_audit(Env& env, const fs::path& directory) {
  std::vector<std::string> lines;
  std::uint64_t expected = 1;
  for (const std::string& name : TRY(env.list(directory))) {
    const auto number = segment_number(name);
    if (!number) continue;
    if (*number != expected++) {
      return invalid("audit: segment " + std::to_string(expected - 1) + " is missing");
    }
    Bytes bytes = TRY(env.read_file(directory / name, limits::kAuditSegmentBytesMax));
    if (name.ends_with(".gz")) {
      auto plain = gunzip(bytes);
      if (!plain) return within("audit: " + name, plain.error());
      bytes = std::move(*plain);
    }
    std::string_view rest = as_text(bytes);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      lines.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  return lines;
}

Result<void> compress_segment(Env& env, const fs::path& segment) {
  const Bytes packed = TRY(gzip(TRY(env.read_file(segment, limits::kAuditSegmentBytesMax))));
  TRY(write_durably(env, segment.string() + ".gz", packed, 0640));
  TRY(env.remove(segment));
  return env.sync_directory(segment.parent_path());
}

}  // namespace sallyport::services::server
