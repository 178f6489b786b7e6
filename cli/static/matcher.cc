// For sallyport-scan alone: Hyperscan's library holds its matcher five times, for five generations of
// processors, and its entry points choose among them. Entry points of our own that take the first one, which
// every processor with SSSE3 runs, leave the other four out of the file: five megabytes.
#include <hs/hs_runtime.h>

extern "C" {

hs_error_t core2_hs_scan(const hs_database_t*, const char*, unsigned, unsigned, hs_scratch_t*,
                         match_event_handler, void*);
hs_error_t core2_hs_deserialize_database(const char*, size_t, hs_database_t**);
hs_error_t core2_hs_free_database(hs_database_t*);
int core2_dbIsValid(const hs_database_t*);
int dbIsValid(const hs_database_t* database);

hs_error_t hs_scan(const hs_database_t* database, const char* text, unsigned size, unsigned flags,
                   hs_scratch_t* scratch, match_event_handler on_match, void* context) {
  return core2_hs_scan(database, text, size, flags, scratch, on_match, context);
}

hs_error_t hs_deserialize_database(const char* bytes, size_t size, hs_database_t** database) {
  return core2_hs_deserialize_database(bytes, size, database);
}

hs_error_t hs_free_database(hs_database_t* database) { return core2_hs_free_database(database); }

// The scratch space asks by this name.
int dbIsValid(const hs_database_t* database) { return core2_dbIsValid(database); }
}
