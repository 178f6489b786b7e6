// Result<T>: a value or an Error, and the TRY macro that passes an Error on.
//
// Error is for "we cannot tell" and "you asked for the impossible". What a guard finds is a Finding, never an
// Error; a broken invariant of our own is SP_CHECK, which ends the process and must not be reachable from
// input.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <string>
#include <utility>

namespace sallyport {

enum class ErrorKind {
  kInvalid,      // the input breaks its format or the caller its contract
  kLimit,        // a named limit of core/limits.h was exceeded
  kNotFound,     // the thing named does not exist
  kDenied,       // policy, permission or a failed verification refuses it
  kIo,           // the operating system failed us: disk full, read-only, broken pipe
  kUnsupported,  // well-formed, but beyond what this build understands
};

// `message` is lower case, no full stop, subject first: "pickle: GLOBAL past end at byte 14".
// `hint`, when not empty, says what to do next.
struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  std::string message;
  std::string hint = {};
};

// A class of our own rather than an alias, so that dropping a Result is a compiler warning everywhere.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

inline std::unexpected<Error> fail(ErrorKind kind, std::string message, std::string hint = {}) {
  return std::unexpected<Error>(Error{kind, std::move(message), std::move(hint)});
}
inline std::unexpected<Error> invalid(std::string message, std::string hint = {}) {
  return fail(ErrorKind::kInvalid, std::move(message), std::move(hint));
}

// Puts the place in front of a message on its way up: "a.yaml: " + "line 3: unknown key".
inline std::unexpected<Error> within(const std::string& place, Error error) {
  error.message = place + ": " + error.message;
  return std::unexpected<Error>(std::move(error));
}

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "sallyport: internal check failed: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace sallyport

// TRY(expression) is the value of a Result expression; an Error returns from the enclosing function.
// A Result<void> expression may be used as a statement: TRY(write(...));
// Not within a braced initialiser after a member that owns memory, X{.a = TRY(f()), .b = TRY(g())}: when g
// fails, g++ 12 never destroys `a`. Assign the members one after the other.
// The counter keeps the name of a TRY inside another TRY's expression from shadowing it.
#define TRY(expression) SP_TRY_NUMBERED(expression, __COUNTER__)
#define SP_TRY_NUMBERED(expression, number) SP_TRY_PASTED(expression, number)
#define SP_TRY_PASTED(expression, number) SP_TRY_NAMED(expression, try_result_##number)
#define SP_TRY_NAMED(expression, name)                        \
  (__extension__({                                            \
    auto name = (expression);                                 \
    if (!name) return std::unexpected(std::move(name).error()); \
    ::sallyport::detail::value_of(std::move(name));           \
  }))

#define SP_CHECK(condition) \
  ((condition) ? (void)0 : ::sallyport::check_failed(#condition, __FILE__, __LINE__))

namespace sallyport::detail {
template <class T>
T value_of(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace sallyport::detail
