// Limits of what we ask of a PostgreSQL server, and how long we wait for it.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kDatabaseUrlBytesMax = 2 * kKiB;
inline constexpr int kDatabaseConnectS = 5;  // unless the URL says otherwise
inline constexpr int kDatabaseConnectSMax = 60;
inline constexpr int kDatabaseStatementS = 60;  // after which the server gives up
inline constexpr int kDatabaseAnswerS = 65;     // after which we do, without it
inline constexpr int kDatabaseLockS = 10;       // for a lock that another session holds
inline constexpr int kDatabaseSilenceS = 15;    // of a network that carries nothing back
inline constexpr std::size_t kDatabaseStatementsKeptMax = 128;

// The one who writes holds a lock; one that was killed gives it up when the server hears of it.
inline constexpr int kDatabaseWriterWaitS = 5;
// While it cannot be reached, it is not asked more often than this.
inline constexpr int kDatabaseAskAgainMs = 200;
// Savepoints beyond sixty-four would no longer fit where PostgreSQL keeps a transaction's own.
inline constexpr std::size_t kDatabaseCommitJobsMax = 60;

}  // namespace sallyport::limits
