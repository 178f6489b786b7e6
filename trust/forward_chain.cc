#include "trust/forward_chain.h"

namespace sallyport::trust {
namespace {

Digest link(const Digest& key, const Digest& previous, std::string_view unsealed) {
  Bytes message(previous.bytes.begin(), previous.bytes.end());
  const BytesView text = as_bytes(unsealed);
  message.insert(message.end(), text.begin(), text.end());
  return hmac_sha256(key.bytes, message);
}

}  // namespace

void ForwardChain::advance(const Digest& chain) {
  ++sequence;
  key = sha256(key.bytes);
  previous = chain;
}

std::string ForwardChain::seal(Json fields) {
  SP_CHECK(fields.is_object() && !fields.contains("sequence") && !fields.contains("chain"));
  fields["sequence"] = sequence;
  const Digest chain = link(key, previous, canonical(fields));
  fields["chain"] = chain.hex();
  advance(chain);
  return canonical(fields);
}

Result<Json> ForwardChain::open(std::string_view line) {
  Json record = TRY(parse_json(line));
  const Digest claimed = TRY(Digest::parse(TRY(get_string(record, "chain"))));
  const std::int64_t number = TRY(get_int(record, "sequence"));
  if (canonical(record) != line) return invalid("not in its one spelling");
  if (number != static_cast<std::int64_t>(sequence)) {
    return invalid("sequence " + std::to_string(number) + " where " + std::to_string(sequence) +
                   " was expected");
  }
  record.erase("chain");
  const Digest chain = link(key, previous, canonical(record));
  if (!equal_constant_time(chain, claimed)) {
    return fail(ErrorKind::kDenied, "chain value of record " + std::to_string(sequence) + " does not verify");
  }
  record["chain"] = claimed.hex();
  advance(chain);
  return record;
}

}  // namespace sallyport::trust
