#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "services/sandbox/inside.h"

namespace sallyport::services::sandbox::detail {
namespace {

// Debian 12's <linux/landlock.h> knows ABI 2; the interface below is that of ABI 7 (Linux 6.15). Older
// kernels take a shorter attribute and fewer rights, which is what fit() is for.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scoped = 0;
};
struct PortAttributes {
  std::uint64_t allowed = 0;
  std::uint64_t port = 0;
};
struct [[gnu::packed]] PathAttributes {
  std::uint64_t allowed = 0;
  std::int32_t parent = -1;
};
constexpr int kRulePathBeneath = 1;
constexpr int kRulePort = 2;
constexpr unsigned kCreateRulesetVersion = 1;

constexpr std::uint64_t kExecute = 1ULL << 0U;
constexpr std::uint64_t kWriteFile = 1ULL << 1U;
constexpr std::uint64_t kReadFile = 1ULL << 2U;
constexpr std::uint64_t kReadFolder = 1ULL << 3U;
constexpr std::uint64_t kRemoveFolder = 1ULL << 4U;
constexpr std::uint64_t kRemoveFile = 1ULL << 5U;
constexpr std::uint64_t kMakeFolder = 1ULL << 7U;
constexpr std::uint64_t kMakeRegular = 1ULL << 8U;
constexpr std::uint64_t kMakeSocket = 1ULL << 9U;
constexpr std::uint64_t kMakeFifo = 1ULL << 10U;
constexpr std::uint64_t kMakeLink = 1ULL << 12U;
constexpr std::uint64_t kRefer = 1ULL << 13U;        // ABI 2
constexpr std::uint64_t kTruncate = 1ULL << 14U;     // ABI 3
constexpr std::uint64_t kIoctlDevice = 1ULL << 15U;  // ABI 5

constexpr std::uint64_t kBindTcp = 1ULL << 0U;              // ABI 4
constexpr std::uint64_t kConnectTcp = 1ULL << 1U;           // ABI 4
constexpr std::uint64_t kScopeAbstractSocket = 1ULL << 0U;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1ULL << 1U;          // ABI 6

std::uint64_t rights_of(int abi) {
  std::uint64_t rights = (1ULL << 13U) - 1;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDevice;
  return rights;
}

std::uint64_t rights_of(const Grant& grant) {
  std::uint64_t rights = kReadFile | kReadFolder;
  if (grant.execute) rights |= kExecute;
  if (grant.device) rights |= kWriteFile | kTruncate | kIoctlDevice;
  if (grant.write) {
    rights |= kWriteFile | kTruncate | kRemoveFolder | kRemoveFile | kMakeFolder | kMakeRegular | kMakeLink |
              kRefer;
  }
  if (grant.rendezvous) rights |= kMakeSocket | kMakeFifo;
  return rights;
}

bool grant(int ruleset, const Grant& entry, std::uint64_t handled, Report& report) {
  const int path = ::open(entry.inside.c_str(), O_PATH | O_CLOEXEC);
  if (path < 0) return errno == ENOENT || failed(report, "grant a path", entry.inside.c_str());
  constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;
  PathAttributes attributes{.allowed = rights_of(entry) & handled, .parent = path};
  long done = ::syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &attributes, 0);
  if (done != 0 && errno == EINVAL) {
    // Rights of folders are refused for a file.
    attributes.allowed &= kOfFiles;
    done = ::syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &attributes, 0);
  }
  ::close(path);
  return done == 0 || failed(report, "grant a path", entry.inside.c_str());
}

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

bool restrict_files(const Plan& plan, Report& report) {
  if (plan.landlock_abi == 0) return true;
  RulesetAttributes attributes{.files = rights_of(plan.landlock_abi)};
  std::size_t size = sizeof(attributes.files);
  if (plan.landlock_abi >= 4) {
    attributes.network = kBindTcp | kConnectTcp;
    size = offsetof(RulesetAttributes, scoped);
  }
  if (plan.landlock_abi >= 6) {
    attributes.scoped = kScopeAbstractSocket | kScopeSignal;
    size = sizeof(attributes);
  }
  const int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return failed(report, "start landlock");
  for (const Grant& entry : plan.grants) {
    if (!grant(ruleset, entry, attributes.files, report)) return false;
  }
  if (plan.handover >= 0 && plan.landlock_abi >= 4) {
    const PortAttributes port{.allowed = kConnectTcp, .port = kBrokerPort};
    if (::syscall(SYS_landlock_add_rule, ruleset, kRulePort, &port, 0) != 0) {
      return failed(report, "grant the broker's port");
    }
  }
  const bool done = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return done || failed(report, "enforce landlock");
}

}  // namespace sallyport::services::sandbox::detail
