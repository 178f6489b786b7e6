// PostgreSQL's C library, found when it is first asked for: a machine without it lacks nothing else of us.
//
// The declarations are those of libpq's documentation, "PostgreSQL 15, chapter 34"; they have been the same
// since the library is called libpq.so.5. Loaded once; safe from any thread.
#pragma once

#include "core/result.h"

struct pg_conn;
struct pg_result;

namespace sallyport::services::postgres {

// PQprepare and the like take these by number.
using Oid = unsigned int;

struct Libpq {
  // Of ConnStatusType, ExecStatusType and the fields of an error, what we look at.
  static constexpr int kConnectionOk = 0;
  static constexpr int kEmptyQuery = 0;
  static constexpr int kCommandOk = 1;
  static constexpr int kTuplesOk = 2;
  static constexpr int kSqlState = 'C';
  static constexpr int kPrimaryMessage = 'M';

  pg_conn* (*connect)(const char* const* keywords, const char* const* values, int expand_dbname) = nullptr;
  void (*finish)(pg_conn*) = nullptr;
  int (*status)(const pg_conn*) = nullptr;
  char* (*error_message)(const pg_conn*) = nullptr;
  int (*server_version)(const pg_conn*) = nullptr;
  const char* (*parameter_status)(const pg_conn*, const char* name) = nullptr;
  int (*socket)(const pg_conn*) = nullptr;
  int (*set_nonblocking)(pg_conn*, int) = nullptr;
  void (*(*set_notice_processor)(pg_conn*, void (*)(void*, const char*), void*))(void*,
                                                                                 const char*) = nullptr;
  int (*send_query)(pg_conn*, const char* sql) = nullptr;
  int (*send_prepare)(pg_conn*, const char* name, const char* sql, int count, const Oid* types) = nullptr;
  int (*send_prepared)(pg_conn*, const char* name, int count, const char* const* values, const int* lengths,
                       const int* formats, int result_format) = nullptr;
  int (*flush)(pg_conn*) = nullptr;
  int (*consume_input)(pg_conn*) = nullptr;
  int (*is_busy)(pg_conn*) = nullptr;
  pg_result* (*get_result)(pg_conn*) = nullptr;

  int (*result_status)(const pg_result*) = nullptr;
  char* (*error_field)(const pg_result*, int field) = nullptr;
  char* (*command_tag)(pg_result*) = nullptr;
  int (*rows)(const pg_result*) = nullptr;
  int (*columns)(const pg_result*) = nullptr;
  Oid (*column_type)(const pg_result*, int column) = nullptr;
  char* (*value)(const pg_result*, int row, int column) = nullptr;
  int (*length)(const pg_result*, int row, int column) = nullptr;
  int (*is_null)(const pg_result*, int row, int column) = nullptr;
  void (*clear)(pg_result*) = nullptr;

  // An Error where the library is not installed.
  static Result<const Libpq*> load();
};

}  // namespace sallyport::services::postgres
