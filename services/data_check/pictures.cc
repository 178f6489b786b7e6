#include "services/data_check/pictures.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <optional>

#include "core/limits/data.h"
#include "core/mapping.h"
#include "core/parallel.h"
#include "formats/jpeg.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPixelsKept = 64 * 64;
constexpr std::size_t kReducedSide = 32;
constexpr double kSampleMax = 255;

struct File {
  fs::path path;
  std::string name;      // within the folder
  std::string of_class;  // empty: right in the folder
};

bool is_named_picture(const fs::path& path) {
  std::string end = path.extension().string();
  std::ranges::transform(end, end.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".png" || end == ".jpg" || end == ".jpeg";
}

Result<std::vector<File>> files_in(const fs::path& folder) {
  std::vector<File> out;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!fs::is_regular_file(entry->symlink_status())) continue;
    if (out.size() == limits::kPictureFilesMax)
      return fail(ErrorKind::kLimit, folder.string() + ": more than kPictureFilesMax files");
    const std::string name = entry->path().lexically_relative(folder).string();
    const std::size_t slash = name.find('/');
    out.push_back({entry->path(), name, slash == std::string::npos ? "" : name.substr(0, slash)});
  }
  if (error) return fail(ErrorKind::kIo, folder.string() + ": " + error.message());
  std::ranges::sort(out, {}, &File::name);
  return out;
}

// The colours of a picture without what is transparent, reduced to the size; grey stays grey.
std::vector<float> pixels_of(const formats::Picture& picture, std::size_t width, std::size_t height) {
  const std::size_t channels = picture.channels <= 2 ? 1 : 3;
  std::vector<float> out(width * height * channels);
  const auto range = [](std::size_t i, std::size_t of, std::size_t all) {
    const std::size_t begin = i * all / of;
    return std::pair(begin, std::max(begin + 1, (i + 1) * all / of));
  };
  for (std::size_t y = 0; y < height; ++y) {
    const auto [top, bottom] = range(y, height, picture.height);
    for (std::size_t x = 0; x < width; ++x) {
      const auto [left, right] = range(x, width, picture.width);
      for (std::size_t c = 0; c < channels; ++c) {
        float sum = 0;
        for (std::size_t i = top; i < bottom; ++i) {
          for (std::size_t j = left; j < right; ++j)
            sum += static_cast<float>(picture.samples[(i * picture.width + j) * picture.channels + c]);
        }
        out[(y * width + x) * channels + c] = sum / static_cast<float>((bottom - top) * (right - left));
      }
    }
  }
  return out;
}

Result<std::optional<formats::Picture>> picture_in(const File& file) {
  const Mapping mapping = TRY(Mapping::open(file.path));
  const bool told = formats::is_png(mapping.bytes()) || formats::is_jpeg(mapping.bytes());
  if (!told && !is_named_picture(file.path)) return std::optional<formats::Picture>();
  Result<formats::Picture> out = read_picture(mapping.bytes());
  if (!out) return within(file.path.string(), out.error());
  return std::optional(std::move(*out));
}

struct Read {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<float> pixels = {};    // reduced
  std::vector<float> as_it_is = {};  // when small enough to be kept
};

Result<std::vector<Read>> read_all(const std::vector<File>& files) {
  std::vector<Read> out(files.size());
  std::optional<std::pair<std::size_t, Error>> first;  // of the files that are damaged
  std::mutex mutex;
  parallel_for(files.size(), [&](std::size_t i) {
    const Result<std::optional<formats::Picture>> picture = picture_in(files[i]);
    if (!picture) {
      const std::scoped_lock lock(mutex);
      if (!first || i < first->first) first = {i, picture.error()};
      return;
    }
    if (!picture->has_value()) return;
    const formats::Picture& one = **picture;
    out[i] = {.width = one.width, .height = one.height, .pixels = pixels_of(one, kReducedSide, kReducedSide)};
    if (one.width * one.height <= kPixelsKept) out[i].as_it_is = pixels_of(one, one.width, one.height);
  });
  if (first) return std::unexpected(first->second);
  return out;
}

Dataset table_of(const std::vector<File>& files, std::vector<Read> read, std::size_t width,
                 std::size_t height, bool reduced) {
  Dataset out;
  const std::size_t pixels = width * height;
  bool coloured = false;
  for (Read& one : read) {
    if (!reduced) one.pixels = std::move(one.as_it_is);
    coloured = coloured || one.pixels.size() == 3 * pixels;
  }
  const std::size_t channels = coloured ? 3 : 1;
  Column names{.name = "file", .numeric = false};
  Column labels{.name = "label", .numeric = false};
  std::vector<Column> features(pixels * channels);
  for (std::size_t j = 0; j < features.size(); ++j) {
    features[j].name = "c" + std::to_string(j);
    features[j].numbers.reserve(files.size());
  }
  bool classed = true;
  for (std::size_t i = 0; i < files.size(); ++i) {
    names.texts.push_back(files[i].name);
    labels.texts.push_back(files[i].of_class);
    classed = classed && !files[i].of_class.empty();
    const bool grey = read[i].pixels.size() == pixels;
    for (std::size_t j = 0; j < features.size(); ++j)
      features[j].numbers.push_back(static_cast<double>(read[i].pixels[grey ? j / channels : j]));
    read[i].pixels.clear();
    read[i].pixels.shrink_to_fit();
  }
  out.columns.push_back(std::move(names));
  if (classed) out.columns.push_back(std::move(labels));
  for (Column& column : features) out.columns.push_back(std::move(column));
  out.roles.id = "file";
  if (classed) out.roles.label = "label";
  out.image = {.height = static_cast<int>(height), .width = static_cast<int>(width), .max_value = kSampleMax};
  return out;
}

}  // namespace

Result<formats::Picture> read_picture(BytesView bytes) {
  if (formats::is_png(bytes)) return formats::read_png(bytes);
  if (formats::is_jpeg(bytes)) return formats::read_jpeg(bytes);
  return invalid("neither PNG nor JPEG, whatever its name");
}

Result<Dataset> load_pictures(const fs::path& folder) {
  std::vector<File> files = TRY(files_in(folder));
  std::vector<Read> read = TRY(read_all(files));
  std::vector<File> kept;
  std::vector<Read> pictures;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (read[i].width == 0) continue;
    kept.push_back(std::move(files[i]));
    pictures.push_back(std::move(read[i]));
  }
  if (kept.empty())
    return invalid(folder.string() + ": no picture", "PNG and JPEG are read, in a folder for each class");
  const bool reduced = std::ranges::any_of(pictures, [&](const Read& one) {
    return one.as_it_is.empty() || one.width != pictures[0].width || one.height != pictures[0].height;
  });
  const std::size_t width = reduced ? kReducedSide : pictures[0].width;
  const std::size_t height = reduced ? kReducedSide : pictures[0].height;
  if (kept.size() > limits::kTableCellsMax / (3 * width * height))
    return fail(ErrorKind::kLimit, folder.string() + ": more than kTableCellsMax pixels");
  Dataset out = table_of(kept, std::move(pictures), width, height, reduced);
  out.name =
      folder.filename().empty() ? folder.parent_path().filename().string() : folder.filename().string();
  return out;
}

}  // namespace sallyport::services::data_check
