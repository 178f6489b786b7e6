// Registered secrets taken out of a stream of text, in whatever form they were printed.
//
// A secret is looked for as it is, in base64 (RFC 4648, both alphabets) at each of its three alignments, in
// hexadecimal, percent-encoded (RFC 3986) and as a JSON string (RFC 8259) escapes it, each in the spellings
// that programs write. Ends of lines are passed over, so that a form which is folded, wrapped or printed in
// pieces is found as well. One automaton (Aho and Corasick, 1975) reads each byte once, whatever the number
// of secrets; its state outlives a chunk, and what may still become a secret is held back, so that it does
// not matter where a writer's chunks end.
//
// Missed: what the step itself turned into something else, by encryption, compression or an encoding of its
// own. A Redactor's table is safe from any thread; a stream is for one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::services::redact {

// Shorter ones cannot be told from ordinary text.
inline constexpr std::size_t kSecretBytesMin = 8;
inline constexpr std::size_t kSecretBytesMax = 16 * 1024;
inline constexpr std::size_t kSecretsMax = 1000;

struct Secret {
  std::string name;  // printed in its place: "[redacted HF_TOKEN]"
  std::string value;
};

class Table;

class Redactor {
 public:
  // Error: a secret that is shorter than kSecretBytesMin or longer than kSecretBytesMax, or more than
  // kSecretsMax.
  static Result<Redactor> make(const std::vector<Secret>& secrets);

  class Stream {
   public:
    // What of the text so far is safe to show. Bytes that may begin a secret come out with a later call.
    std::string take(std::string_view chunk);
    // The rest, when the stream has ended. The stream then starts anew.
    std::string finish();

   private:
    friend class Redactor;
    explicit Stream(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
    std::string release(std::size_t end);

    struct Hit {
      std::size_t begin = 0;  // in held_
      std::size_t end = 0;
      std::uint32_t secret = 0;
    };
    std::shared_ptr<const Table> table_;
    std::string held_;
    std::vector<Hit> hits_;  // sorted, apart from one another
    std::uint32_t state_ = 0;
  };
  Stream stream() const { return Stream(table_); }

  // A text that is whole: nothing before it and nothing after.
  std::string redact(std::string_view text) const;

 private:
  explicit Redactor(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  std::shared_ptr<const Table> table_;
};

// The forms in which a program may print a secret, without ends of lines; the secret itself is the first.
std::vector<std::string> forms_of(std::string_view secret);

}  // namespace sallyport::services::redact
