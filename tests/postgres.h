// A real PostgreSQL server for tests: a cluster of its own in a temporary folder, on a socket there and on no
// port, started when a test first asks for it and stopped when the process ends.
//
// It runs as an unprivileged user, since PostgreSQL refuses root. Its own settings are careless on purpose
// (synchronous_commit off): what is durable then is so because we demanded it. For the main thread.
#pragma once

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "services/postgres/postgres.h"

namespace sallyport::tests {

class Postgres {
 public:
  // The one of this process, running; nullptr where PostgreSQL is not installed, which is said once.
  static Postgres* shared() {
    static const std::unique_ptr<Postgres> one = make();
    if (one && one->server_ <= 0) one->start();
    return one.get();
  }
  ~Postgres() {
    crash();
    std::filesystem::remove_all(folder_);
  }
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  std::string url(const std::string& database, const std::string& user = "sallyport") const {
    return "postgresql://" + user + "@/" + database + "?host=" + folder_;
  }
  // Statements of the superuser; each of `CREATE DATABASE` and the like alone.
  void sql(const std::string& database, const std::string& statements) const {
    auto connection =
        services::postgres::Database::connect(services::postgres::parse_address(url(database)).value());
    const auto done = connection ? connection->execute(statements)
                                 : Result<std::string>(std::unexpected(connection.error()));
    if (!done) std::cerr << "postgres: " << done.error().message << ": " << statements << "\n";
  }
  // Made when it is first asked for, and without anything of ours afterwards.
  void empty(const std::string& database) {
    if (made_.insert(database).second) sql("postgres", "CREATE DATABASE \"" + database + "\"");
    sql(database, "DROP SCHEMA IF EXISTS sallyport CASCADE");
  }

  // Everything at once and without a checkpoint, as a power cut would end it.
  void crash() {
    if (server_ <= 0) return;
    ::kill(server_, SIGQUIT);
    ::waitpid(server_, nullptr, 0);
    server_ = -1;
  }
  bool start() {
    server_ = run({bin_ + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c",
                   "listen_addresses=", "-c", "synchronous_commit=off", "-c", "fsync=off", "-c",
                   "wal_writer_delay=10s", "-c", "max_connections=60"});
    const auto address = services::postgres::parse_address(url("postgres"));
    for (int i = 0; i < 600; ++i) {
      if (address && services::postgres::Database::connect(*address)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::cerr << "postgres: it did not start; see " << folder_ << "/log\n";
    return false;
  }

 private:
  Postgres() = default;

  static std::unique_ptr<Postgres> make() {
    std::unique_ptr<Postgres> out(new Postgres);
    const char* kHome = "/usr/lib/postgresql";
    std::error_code none;
    for (const auto& version : std::filesystem::directory_iterator(kHome, none)) {
      const std::string bin = version.path().string() + "/bin";
      if (std::filesystem::exists(bin + "/initdb") && bin > out->bin_) out->bin_ = bin;
    }
    std::string folder = (std::filesystem::temp_directory_path() / "sallyport-pg-XXXXXX").string();
    if (out->bin_.empty() || ::mkdtemp(folder.data()) == nullptr || !out->make_cluster(folder)) {
      std::cerr << "SKIPPED LOUDLY: no PostgreSQL server can be run here; nothing was tried on one\n";
      return nullptr;
    }
    return out;
  }

  bool make_cluster(const std::string& folder) {
    folder_ = folder;
    if (::geteuid() == 0) {
      const passwd* own = ::getpwnam("postgres");
      if (own == nullptr) own = ::getpwnam("nobody");
      if (own == nullptr) return false;
      user_ = own->pw_uid;
      group_ = own->pw_gid;
      if (::chown(folder_.c_str(), user_, group_) != 0) return false;
    }
    int status = -1;
    ::waitpid(run({bin_ + "/initdb", "-D", folder_ + "/data", "-U", "sallyport", "--auth=trust", "-E", "UTF8",
                   "--locale=C.UTF-8", "--no-sync"}),
              &status, 0);
    if (status != 0) return false;
    // The role `locked` has to prove who it is.
    std::ofstream(folder_ + "/data/pg_hba.conf") << "local all locked scram-sha-256\nlocal all all trust\n";
    return start();
  }

  pid_t run(std::vector<std::string> words) const {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string log = folder_ + "/log";
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (user_ != 0 && (::setgroups(0, nullptr) != 0 || ::setgid(group_) != 0 || ::setuid(user_) != 0)) {
      ::_exit(126);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    std::ignore = ::chdir("/");
    if (std::freopen(log.c_str(), "a", stdout) == nullptr || ::dup2(STDOUT_FILENO, STDERR_FILENO) < 0) {
      ::_exit(126);
    }
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  std::string bin_;
  std::string folder_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t server_ = -1;
  std::set<std::string> made_;
};

}  // namespace sallyport::tests
