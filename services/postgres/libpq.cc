#include "services/postgres/libpq.h"

#include <dlfcn.h>

#include <string>

namespace sallyport::services::postgres {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

template <class F>
Result<void> find(void* library, const char* name, F& into) {
  void* found = ::dlsym(library, name);
  if (found == nullptr) {
    return fail(ErrorKind::kUnsupported, std::string(kLibrary) + ": it has no " + name);
  }
  into = reinterpret_cast<F>(found);
  return {};
}

Result<void> find_connection(void* library, Libpq& pq) {
  TRY(find(library, "PQconnectdbParams", pq.connect));
  TRY(find(library, "PQfinish", pq.finish));
  TRY(find(library, "PQstatus", pq.status));
  TRY(find(library, "PQerrorMessage", pq.error_message));
  TRY(find(library, "PQserverVersion", pq.server_version));
  TRY(find(library, "PQparameterStatus", pq.parameter_status));
  TRY(find(library, "PQsocket", pq.socket));
  TRY(find(library, "PQsetnonblocking", pq.set_nonblocking));
  TRY(find(library, "PQsetNoticeProcessor", pq.set_notice_processor));
  TRY(find(library, "PQsendQuery", pq.send_query));
  TRY(find(library, "PQsendPrepare", pq.send_prepare));
  TRY(find(library, "PQsendQueryPrepared", pq.send_prepared));
  TRY(find(library, "PQflush", pq.flush));
  TRY(find(library, "PQconsumeInput", pq.consume_input));
  TRY(find(library, "PQisBusy", pq.is_busy));
  return find(library, "PQgetResult", pq.get_result);
}

Result<void> find_result(void* library, Libpq& pq) {
  TRY(find(library, "PQresultStatus", pq.result_status));
  TRY(find(library, "PQresultErrorField", pq.error_field));
  TRY(find(library, "PQcmdStatus", pq.command_tag));
  TRY(find(library, "PQntuples", pq.rows));
  TRY(find(library, "PQnfields", pq.columns));
  TRY(find(library, "PQftype", pq.column_type));
  TRY(find(library, "PQgetvalue", pq.value));
  TRY(find(library, "PQgetlength", pq.length));
  TRY(find(library, "PQgetisnull", pq.is_null));
  return find(library, "PQclear", pq.clear);
}

Result<Libpq> load_library() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(ErrorKind::kUnsupported,
                "PostgreSQL's client library: " + std::string(why == nullptr ? kLibrary : why),
                "install it (Debian: libpq5)");
  }
  Libpq out;
  TRY(find_connection(library, out));
  TRY(find_result(library, out));
  return out;
}

}  // namespace

Result<const Libpq*> Libpq::load() {
  static const Result<Libpq> loaded = load_library();
  if (!loaded) return std::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace sallyport::services::postgres
