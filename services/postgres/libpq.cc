#include "services/postgres/libpq.h"

#include "core/shared_library.h"

namespace sallyport::services::postgres {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

Result<void> find_connection(void* library, Libpq& pq) {
  TRY(find_symbol(library, "PQconnectdbParams", pq.connect));
  TRY(find_symbol(library, "PQfinish", pq.finish));
  TRY(find_symbol(library, "PQstatus", pq.status));
  TRY(find_symbol(library, "PQerrorMessage", pq.error_message));
  TRY(find_symbol(library, "PQserverVersion", pq.server_version));
  TRY(find_symbol(library, "PQparameterStatus", pq.parameter_status));
  TRY(find_symbol(library, "PQsocket", pq.socket));
  TRY(find_symbol(library, "PQsetnonblocking", pq.set_nonblocking));
  TRY(find_symbol(library, "PQsetNoticeProcessor", pq.set_notice_processor));
  TRY(find_symbol(library, "PQsendQuery", pq.send_query));
  TRY(find_symbol(library, "PQsendPrepare", pq.send_prepare));
  TRY(find_symbol(library, "PQsendQueryPrepared", pq.send_prepared));
  TRY(find_symbol(library, "PQflush", pq.flush));
  TRY(find_symbol(library, "PQconsumeInput", pq.consume_input));
  TRY(find_symbol(library, "PQisBusy", pq.is_busy));
  return find_symbol(library, "PQgetResult", pq.get_result);
}

Result<void> find_result(void* library, Libpq& pq) {
  TRY(find_symbol(library, "PQresultStatus", pq.result_status));
  TRY(find_symbol(library, "PQresultErrorField", pq.error_field));
  TRY(find_symbol(library, "PQcmdStatus", pq.command_tag));
  TRY(find_symbol(library, "PQntuples", pq.rows));
  TRY(find_symbol(library, "PQnfields", pq.columns));
  TRY(find_symbol(library, "PQftype", pq.column_type));
  TRY(find_symbol(library, "PQgetvalue", pq.value));
  TRY(find_symbol(library, "PQgetlength", pq.length));
  TRY(find_symbol(library, "PQgetisnull", pq.is_null));
  return find_symbol(library, "PQclear", pq.clear);
}

Result<Libpq> load_library() {
  void* library = TRY(open_library(kLibrary, "PostgreSQL's client library", "libpq5"));
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
