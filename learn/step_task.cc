#include "learn/step_task.h"

#include <algorithm>
#include <array>

#include "core/text.h"
#include "formats/csv.h"

namespace sallyport::learn {

namespace {

// "8x8x16": height, width, largest value.
Result<ImageShape> image_in(const std::string& text) {
  const std::size_t first = text.find('x');
  const std::size_t second = first == std::string::npos ? first : text.find('x', first + 1);
  if (second != std::string::npos) {
    const auto height = parsed_number<int>(std::string_view(text).substr(0, first));
    const auto width = parsed_number<int>(std::string_view(text).substr(first + 1, second - first - 1));
    const auto maximum = parsed_number<double>(std::string_view(text).substr(second + 1));
    if (height && width && maximum && *height > 0 && *width > 0 && *maximum > 0) {
      return ImageShape{.height = *height, .width = *width, .max_value = *maximum};
    }
  }
  return invalid("--image: '" + text + "' is not HEIGHTxWIDTHxMAXIMUM", "for example --image 8x8x16");
}

struct Schema {
  Roles roles = {};
  ImageShape image = {};
};

Result<Schema> schema_in(const Json& step) {
  const Json schema = TRY(get_object(step, "schema"));
  const Json image = TRY(get_object(schema, "image"));
  Schema out;
  out.roles.label = TRY(get_string(schema, "label"));
  out.roles.id = TRY(get_string(schema, "id"));
  out.roles.contributor = TRY(get_string(schema, "contributor"));
  out.roles.group = TRY(get_string(schema, "group"));
  out.image.height = static_cast<int>(TRY(get_int(image, "height")));
  out.image.width = static_cast<int>(TRY(get_int(image, "width")));
  out.image.max_value = TRY(get_number(image, "max"));
  return out;
}

}  // namespace

Result<StepTask> StepTask::from(std::string_view in, std::string_view out, std::string_view step,
                                const std::vector<std::string>& words,
                                const std::vector<std::string>& allowed) {
  StepTask task;
  if (in.empty() || out.empty()) {
    return invalid("SALLYPORT_IN or SALLYPORT_OUT is not set", "set both to folders, or use `sallyport run`");
  }
  task.in_ = in;
  task.out_ = out;
  if (!step.empty()) {
    const auto document = parse_json(step);
    if (!document) return within("SALLYPORT_STEP", document.error());
    const Schema schema = TRY(schema_in(*document));
    task.roles_ = schema.roles;
    task.image_ = schema.image;
    task.seed_ = static_cast<std::uint64_t>(TRY(get_int(*document, "seed")));
    task.options_ = TRY(get_object(*document, "options"));
  }
  const std::array<std::pair<std::string_view, std::string*>, 4> roles{
      {{"--label", &task.roles_.label},
       {"--id", &task.roles_.id},
       {"--contributor", &task.roles_.contributor},
       {"--group", &task.roles_.group}}};
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::string& flag = words[i];
    if (i + 1 == words.size()) return invalid(flag + ": its value is missing");
    const std::string& value = words[i + 1];
    const auto* role = std::ranges::find(roles, flag, &std::pair<std::string_view, std::string*>::first);
    if (role != roles.end()) {
      *role->second = value;
    } else if (flag == "--image") {
      task.image_ = TRY(image_in(value));
    } else if (flag == "--seed") {
      const auto seed = parsed_number<std::uint64_t>(value);
      if (!seed) return invalid("--seed: '" + value + "' is not a whole number of 0 or more");
      task.seed_ = *seed;
    } else if (flag.starts_with("--") && std::ranges::find(allowed, flag.substr(2)) != allowed.end()) {
      task.options_[flag.substr(2)] = value;
    } else {
      return invalid("unknown flag '" + flag + "'");
    }
  }
  return task;
}

Result<std::optional<double>> StepTask::number(const std::string& name) const {
  const auto found = options_.find(name);
  if (found == options_.end()) return std::optional<double>();
  if (found->is_number()) return std::optional(found->get<double>());
  const auto value =
      found->is_string() ? parsed_number<double>(found->get_ref<const std::string&>()) : std::nullopt;
  if (!value) return invalid("option '" + name + "' is not a number");
  return value;
}

Result<std::optional<std::string>> StepTask::text(const std::string& name) const {
  const auto found = options_.find(name);
  if (found == options_.end()) return std::optional<std::string>();
  if (!found->is_string()) return invalid("option '" + name + "' is not text");
  return std::optional(found->get<std::string>());
}

Result<StepTask::Table> StepTask::table(Env& env, const std::string& name) const {
  const Bytes bytes = TRY(env.read_file(in_ / name));
  return Table{.data = TRY(formats::csv::parse(bytes, {.name = name, .roles = roles_, .image = image_})),
               .digest = sha256(bytes)};
}

Result<void> StepTask::write(Env& env, const std::string& path, BytesView bytes) const {
  const fs::path whole = out_ / path;
  TRY(env.make_directories(whole.parent_path()));
  return env.write_new(whole, bytes, 0644);
}

}  // namespace sallyport::learn
