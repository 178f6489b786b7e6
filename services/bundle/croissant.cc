#include "services/bundle/croissant.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/env.h"

namespace sallyport::services::bundle {
namespace {

// Section "JSON-LD context" of the specification: which words are Croissant's.
Json context() {
  Json out{{"@language", "en"},
           {"@vocab", "https://schema.org/"},
           {"cr", "http://mlcommons.org/croissant/"},
           {"dct", "http://purl.org/dc/terms/"},
           {"rai", "http://mlcommons.org/croissant/RAI/"},
           {"sc", "https://schema.org/"},
           {"conformsTo", "dct:conformsTo"},
           {"data", {{"@id", "cr:data"}, {"@type", "@json"}}},
           {"dataType", {{"@id", "cr:dataType"}, {"@type", "@vocab"}}},
           {"examples", {{"@id", "cr:examples"}, {"@type", "@json"}}}};
  for (const char* word :
       {"citeAs",   "column",      "extract",   "field",         "fileProperty", "fileObject",
        "fileSet",  "format",      "includes",  "isLiveDataset", "jsonPath",     "key",
        "md5",      "parentField", "path",      "recordSet",     "references",   "regex",
        "repeated", "replace",     "separator", "source",        "subField",     "transform"}) {
    out[word] = std::string("cr:") + word;
  }
  return out;
}

std::string_view type_of(const Column& column) {
  if (!column.numeric) return "sc:Text";
  const bool whole = std::all_of(column.numbers.begin(), column.numbers.end(),
                                 [](double value) { return std::floor(value) == value; });
  return whole ? "sc:Integer" : "sc:Float";
}

// An identifier is part of an address; what would need escapes there goes by its place.
std::string word_for(const std::string& name, std::size_t place) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  return plain ? name : "column-" + std::to_string(place + 1);
}

// The same for a file, whose path may have folders in it.
std::string id_of(const DataFile& file) {
  const bool plain = std::all_of(file.path.begin(), file.path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  });
  return plain ? file.path : "file-" + file.sha256.brief();
}

Json file_object(const DataFile& file) {
  return Json{{"@type", "cr:FileObject"},
              {"@id", id_of(file)},
              {"name", file.path},
              {"contentUrl", file.path},
              {"contentSize", std::to_string(file.size) + " B"},
              {"encodingFormat", file.format.empty() ? "application/octet-stream" : file.format},
              {"sha256", file.sha256.hex()}};
}

Json record_set(const DataFile& file) {
  const std::string id = "rows/" + id_of(file);
  Json fields = Json::array();
  std::set<std::string> used;
  for (std::size_t i = 0; i < file.table->columns.size(); ++i) {
    const Column& column = file.table->columns[i];
    std::string word = word_for(column.name, i);
    if (!used.insert(word).second) word = "column-" + std::to_string(i + 1);
    fields.push_back(
        {{"@type", "cr:Field"},
         {"@id", id + "/" + word},
         {"name", word},
         {"dataType", type_of(column)},
         {"source", {{"fileObject", {{"@id", id_of(file)}}}, {"extract", {{"column", column.name}}}}}});
  }
  return Json{{"@type", "cr:RecordSet"}, {"@id", id}, {"name", id}, {"field", std::move(fields)}};
}

}  // namespace

Json to_croissant(const DataFacts& facts) {
  Json out{{"@context", context()},
           {"@type", "sc:Dataset"},
           {"conformsTo", "http://mlcommons.org/croissant/1.0"},
           {"name", facts.name},
           {"description", facts.description},
           {"distribution", Json::array()}};
  if (!facts.version.empty()) out["version"] = facts.version;
  if (!facts.license.empty()) out["license"] = facts.license;
  if (!facts.url.empty()) out["url"] = facts.url;
  if (facts.published_unix_s != 0) out["datePublished"] = format_time(facts.published_unix_s).substr(0, 10);
  for (const DataFile& file : facts.files) {
    out["distribution"].push_back(file_object(file));
    if (file.table != nullptr) out["recordSet"].push_back(record_set(file));
  }
  return out;
}

}  // namespace sallyport::services::bundle
