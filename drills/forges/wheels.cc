#include "drills/forges/wheels.h"

#include <algorithm>

#include "core/digest.h"
#include "drills/forges/assembler.h"

namespace sallyport::drills::forges {
namespace {

std::string record_line(const std::string& path, const std::string& text) {
  std::string base64 = to_base64(sha256(text).bytes);
  std::ranges::replace(base64, '+', '-');
  std::ranges::replace(base64, '/', '_');
  std::erase(base64, '=');
  return path + ",sha256=" + base64 + "," + std::to_string(text.size()) + "\n";
}

}  // namespace

std::string wheel(const std::string& name, const std::string& version, const PythonFiles& files) {
  const std::string folder = name + "-" + version + ".dist-info/";
  PythonFiles all = files;
  all.emplace_back(folder + "METADATA",
                   "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n");
  all.emplace_back(folder + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
  std::string record;
  std::vector<ZipMember> members;
  for (const auto& [path, text] : all) {
    record += record_line(path, text);
    members.push_back({.name = path, .data = text, .deflate = true});
  }
  members.push_back({.name = folder + "RECORD", .data = record + folder + "RECORD,,\n", .deflate = true});
  return zipped(members);
}

std::string wheel_name(const std::string& name, const std::string& version) {
  return name + "-" + version + "-py3-none-any.whl";
}

std::string lock_line(const std::string& name, const std::string& version, const std::string& wheel) {
  return name + "==" + version + " \\\n    --hash=sha256:" + sha256(wheel).hex() + "\n";
}

}  // namespace sallyport::drills::forges
