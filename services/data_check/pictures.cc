#include "services/data_check/pictures.h"

#include <algorithm>
#include <cctype>
#include <mutex>
#include <optional>
#include <span>

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

// What all pictures of a table are brought to.
struct Form {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t channels = 0;
  bool classed = true;

  std::size_t features() const { return width * height * channels; }
};

// Walks pictures on all cores; the Error is that of the first file that is damaged.
template <class Each>
Result<void> for_each_picture(std::span<const File> files, const Each& each) {
  std::optional<std::pair<std::size_t, Error>> first;
  std::mutex mutex;
  parallel_for(files.size(), [&](std::size_t i) {
    const Result<std::optional<formats::Picture>> picture = picture_in(files[i]);
    if (picture && picture->has_value()) each(i, **picture);
    if (picture) return;
    const std::scoped_lock lock(mutex);
    if (!first || i < first->first) first = {i, picture.error()};
  });
  if (first) return std::unexpected(first->second);
  return {};
}

std::vector<Column> columns_of(const Form& form) {
  std::vector<Column> out{{.name = "file", .numeric = false}};
  if (form.classed) out.push_back({.name = "label", .numeric = false});
  for (std::size_t j = 0; j < form.features(); ++j) out.push_back({.name = "c" + std::to_string(j)});
  return out;
}

// A folder that is decoded as it is read.
class PictureReader : public formats::TableReader {
 public:
  static Result<std::unique_ptr<PictureReader>> open(const fs::path& folder) {
    const std::vector<File> files = TRY(files_in(folder));
    std::vector<Form> forms(files.size());
    TRY(for_each_picture(files, [&](std::size_t i, const formats::Picture& picture) {
      forms[i] = {.width = picture.width,
                  .height = picture.height,
                  .channels = picture.channels <= 2 ? std::size_t{1} : std::size_t{3}};
    }));
    std::unique_ptr<PictureReader> out(new PictureReader);
    Form& form = out->form_;
    bool alike = true;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (forms[i].width == 0) continue;
      if (out->files_.empty()) form = forms[i];
      alike = alike && forms[i].width == form.width && forms[i].height == form.height;
      form.channels = std::max(form.channels, forms[i].channels);
      form.classed = form.classed && !files[i].of_class.empty();
      out->files_.push_back(files[i]);
    }
    if (out->files_.empty())
      return invalid(folder.string() + ": no picture", "PNG and JPEG are read, in a folder for each class");
    if (!alike || form.width * form.height > kPixelsKept) form.width = form.height = kReducedSide;
    out->shape_ = {.columns = columns_of(form),
                   .rows = out->files_.size(),
                   .bytes = out->files_.size() * out->row_bytes(),
                   .image = {.height = static_cast<int>(form.height),
                             .width = static_cast<int>(form.width),
                             .max_value = kSampleMax}};
    return out;
  }

  const formats::TableShape& shape() const override { return shape_; }
  void rewind() override { at_ = 0; }
  Result<Dataset> next(std::size_t bytes_max) override {
    const std::size_t count =
        std::min(files_.size() - at_, std::max<std::size_t>(1, bytes_max / row_bytes()));
    const std::span<const File> files = std::span(files_).subspan(at_, count);
    std::vector<std::vector<float>> pixels(count);
    TRY(for_each_picture(files, [&](std::size_t i, const formats::Picture& picture) {
      pixels[i] = pixels_of(picture, form_.width, form_.height);
    }));
    Dataset out{.first_row = at_, .columns = shape_.columns, .image = shape_.image};
    const std::size_t from = form_.classed ? 2 : 1;
    for (std::size_t i = 0; i < count; ++i) {
      if (pixels[i].empty()) return invalid(files[i].path.string() + ": changed while it was read");
      out.columns[0].texts.push_back(files[i].name);
      if (form_.classed) out.columns[1].texts.push_back(files[i].of_class);
      const bool grey = pixels[i].size() < form_.features();
      for (std::size_t j = 0; j < form_.features(); ++j)
        out.columns[from + j].numbers.push_back(
            static_cast<double>(pixels[i][grey ? j / form_.channels : j]));
      std::vector<float>().swap(pixels[i]);
    }
    at_ += count;
    return out;
  }

 private:
  PictureReader() = default;
  // The pixels are there twice for a moment.
  std::size_t row_bytes() const { return form_.features() * formats::kNumberBytes * 3 / 2 + 128; }

  std::vector<File> files_;
  Form form_;
  formats::TableShape shape_;
  std::size_t at_ = 0;
};

}  // namespace

Result<formats::Picture> read_picture(BytesView bytes) {
  if (formats::is_png(bytes)) return formats::read_png(bytes);
  if (formats::is_jpeg(bytes)) return formats::read_jpeg(bytes);
  return invalid("neither PNG nor JPEG, whatever its name");
}

Result<std::unique_ptr<formats::TableReader>> open_pictures(const fs::path& folder) {
  return std::unique_ptr<formats::TableReader>(TRY(PictureReader::open(folder)));
}

}  // namespace sallyport::services::data_check
