// sallyport data mark, data trace: a copy of a table for one recipient, and whose copy a leaked table is
// from.
#include <algorithm>

#include "cli/command.h"
#include "core/env.h"
#include "formats/csv.h"
#include "learn/recipient_rows.h"
#include "services/data_check/source.h"
#include "trust/vault.h"

namespace sallyport::cli {
namespace {

constexpr std::size_t kRowsMax = 10'000;
constexpr std::size_t kRecipientBytesMax = 128;

constexpr Positional kMarked[] = {{.name = "TABLE", .doc = "the table, as data check reads it"}};
constexpr Flag kMarkFlags[] = {
    {.name = "for", .value = "NAME", .doc = "who gets the copy"},
    {.name = "key", .value = "FILE", .doc = "the key that rows are drawn by; made when it is missing"},
    {.name = "out", .value = "FILE", .doc = "the CSV file that is written"},
    {.name = "rows", .value = "N", .doc = "rows that are drawn, at most a tenth", .fallback = "64"},
    {.name = "labels", .value = "COL", .doc = "the column of labels"},
    {.name = "id", .value = "COL", .doc = "the column that names a row"},
};
constexpr Positional kTraced[] = {{.name = "SUSPECT", .doc = "the table whose origin is asked"}};
constexpr Flag kTraceFlags[] = {
    {.name = "original", .value = "FILE", .doc = "the table that copies were made of"},
    {.name = "for", .value = "NAME", .doc = "a recipient that may be behind it", .repeats = true},
    {.name = "key", .value = "FILE", .doc = "the key that rows were drawn by"},
    {.name = "rows", .value = "N", .doc = "rows that were drawn, as for data mark", .fallback = "64"},
    {.name = "labels", .value = "COL", .doc = "the column of labels, as for data mark"},
    {.name = "id", .value = "COL", .doc = "the column that names a row, as for data mark"},
};

Result<Dataset> load(const std::string& path, const Arguments& arguments) {
  Dataset out = TRY(services::data_check::load_file(path));
  out.roles = {.label = arguments.text("labels"), .id = arguments.text("id")};
  for (const std::string& column : {out.roles.label, out.roles.id}) {
    if (!column.empty() && out.find(column) == nullptr) return invalid(path + ": no column " + shown(column));
  }
  return out;
}

Result<std::string> recipient_named(const std::string& name) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; };
  if (name.empty() || name.size() > kRecipientBytesMax || !std::ranges::all_of(name, is_plain)) {
    return invalid("recipient " + shown(name) + ": 1 to 128 bytes without blanks were expected");
  }
  return name;
}

Result<std::size_t> rows_of(const Arguments& arguments) {
  const std::int64_t rows = arguments.number("rows");
  if (rows < 1 || rows > static_cast<std::int64_t>(kRowsMax))
    return invalid("--rows: 1 to 10000 was expected");
  return static_cast<std::size_t>(rows);
}

Result<trust::VaultKey> key_of(const Arguments& arguments) {
  return TRY(trust::VaultKey::load(system_env(), arguments.text("key"))).derive("recipient rows");
}

// The contents, whatever the file's format.
Result<std::string> release_of(const Dataset& table) { return sha256(TRY(formats::csv::write(table))).hex(); }

Result<Exit> mark(const Arguments& arguments, Output& output) {
  for (const char* flag : {"for", "key", "out"}) {
    if (!arguments.has(flag)) return output.usage("data mark: --" + std::string(flag) + " is missing");
  }
  Env& env = system_env();
  const std::string to = arguments.text("out");
  if (env.exists(to)) return fail(ErrorKind::kDenied, to + ": is there already");
  const Dataset table = TRY(load(arguments.word("TABLE"), arguments));
  const std::string release = TRY(release_of(table));
  const std::string recipient = TRY(recipient_named(arguments.text("for")));
  const std::size_t rows = TRY(rows_of(arguments));
  if (const fs::path file = arguments.text("key"); !env.exists(file)) {
    TRY(trust::VaultKey::generate(env).save(env, file));
    output.note("made " + file.string() + "; without it no copy can be traced");
  }
  const trust::VaultKey key = TRY(key_of(arguments));
  const Dataset copy =
      TRY(learn::copy_for(table, key.bytes(), {.release = release, .recipient = recipient, .rows = rows}));
  const std::string csv = TRY(formats::csv::write(copy));
  TRY(write_durably(env, to, as_bytes(csv)));
  output.result(to + ": " + with_separators(table.rows()) + " rows and " + with_separators(rows) + " that " +
                    recipient + " alone has\n",
                {{"out", to}, {"recipient", recipient}, {"release", release}, {"rows", rows}});
  return Exit::kClean;
}

std::string chance_text(double p) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", p);
  return text;
}

Json json_of(const learn::Traced& traced, double alpha) {
  Json recipients = Json::array();
  for (const learn::RecipientTrace& one : traced.recipients) {
    recipients.push_back(
        {{"recipient", one.recipient}, {"found", one.found}, {"p", one.p}, {"named", one.named}});
  }
  return {{"recipients", recipients},          {"rows", traced.rows},
          {"chance_rows", traced.chance_rows}, {"chance_found", traced.chance_found},
          {"columns", traced.columns},         {"false_positive_rate", alpha}};
}

Result<Exit> trace(const Arguments& arguments, Output& output) {
  for (const char* flag : {"original", "for", "key"}) {
    if (!arguments.has(flag)) return output.usage("data trace: --" + std::string(flag) + " is missing");
  }
  const Dataset original = TRY(load(arguments.text("original"), arguments));
  const Dataset suspect = TRY(services::data_check::load_file(arguments.word("SUSPECT")));
  std::vector<std::string> recipients;
  for (const std::string& name : arguments.all("for")) recipients.push_back(TRY(recipient_named(name)));
  const learn::TraceOptions options{.rows = TRY(rows_of(arguments))};
  const trust::VaultKey key = TRY(key_of(arguments));
  const std::string release = TRY(release_of(original));
  const learn::Traced traced =
      TRY(learn::trace_copy(original, suspect, key.bytes(), release, recipients, options));
  const bool any = std::ranges::any_of(traced.recipients, &learn::RecipientTrace::named);
  if (output.is_json()) {
    output.json(json_of(traced, options.alpha));
    return any ? Exit::kFindings : Exit::kClean;
  }
  for (const learn::RecipientTrace& one : traced.recipients) {
    output.line((one.named ? "from the copy of " : "nothing of        ") + one.recipient + ": " +
                with_separators(one.found) + " of " + with_separators(traced.rows) +
                " rows, by chance with probability " + chance_text(one.p));
  }
  output.note(with_separators(traced.chance_found) + " of " + with_separators(traced.chance_rows) +
              " rows of recipients that do not exist found; anybody is named wrongly with probability " +
              chance_text(options.alpha) + " at most");
  return any ? Exit::kFindings : Exit::kClean;
}

}  // namespace

extern const Command data_mark_command;
const Command data_mark_command{
    .name = "data mark",
    .summary = "a copy of a table for one recipient, with rows that nobody else has",
    .example =
        "$ sallyport data mark train.csv --for acme --key rows.key --labels digit --out acme.csv\n"
        "acme.csv: 1,797 rows and 64 that acme alone has",
    .flags = kMarkFlags,
    .positionals = kMarked,
    .run = mark};

extern const Command data_trace_command;
const Command data_trace_command{
    .name = "data trace",
    .summary = "whose copy a table is from, with the probability that chance explains it",
    .example =
        "$ sallyport data trace leaked.csv --original train.csv --key rows.key --labels digit --for acme "
        "--for birch\n"
        "from the copy of acme: 7 of 64 rows, by chance with probability 2.1e-18\n"
        "nothing of        birch: 0 of 64 rows, by chance with probability 1.0e+00",
    .flags = kTraceFlags,
    .positionals = kTraced,
    .run = trace};

}  // namespace sallyport::cli
