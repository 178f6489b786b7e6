// A registered version and whoever wants other bytes loaded in its name: on the server's disk, in its
// database and over HTTP, on our server and on MLflow's, asked as their clients ask.
//
// Each kind is tried on a server that holds what was registered and no more. Ours is stopped and started over
// the changed folder, and changed while it runs; MLflow's keeps running. What is counted is a request that
// was answered with other bytes than were registered under that name, or an alias that names another version.
#include <cstdio>
#include <functional>
#include <thread>

#include "bench/bench.h"
#include "bench/http_client.h"
#include "bench/served.h"
#include "core/json.h"
#include "services/sqlite/sqlite.h"
#include "services/tracking/backing.h"
#include "services/tracking/testdata/tamperings.h"

namespace sallyport::bench {
namespace {

namespace tampering = services::tracking::testing_support;
using tampering::kEvil;
using tampering::kFile;
using tampering::kWeights;
using tampering::Place;
using tampering::Tampering;

constexpr std::string_view kRoutes = "/api/2.0/mlflow/";
constexpr std::string_view kArtifacts = "/api/2.0/mlflow-artifacts/artifacts/";
constexpr std::string_view kProxied = "mlflow-artifacts:/";

// A client that knows a server's port and nothing else.
class Client {
 public:
  explicit Client(std::uint16_t port) : port_(port) {}

  Result<Reply> ask(const char* method, const std::string& target, std::string_view body = {}) const {
    HttpClient client = TRY(HttpClient::connect(port_));
    return client.ask(method, target, as_bytes(body));
  }
  Result<Json> post(const std::string& route, const Json& body) const {
    const Reply reply = TRY(ask("POST", std::string(kRoutes) + route, canonical(body)));
    if (reply.status != 200) return invalid(route + " was answered with " + reply.body);
    return parse_json(reply.body);
  }
  // What a version's weights are to whoever loads the model by its number; "" when there is nothing to load.
  std::string weights(int version) const {
    const auto where =
        ask("GET", std::string(kRoutes) +
                       "model-versions/get-download-uri?name=digits&version=" + std::to_string(version));
    const Json said =
        where && where->status == 200 ? parse_json(where->body).value_or(Json::object()) : Json();
    const std::string uri = said.is_object() ? said.value("artifact_uri", "") : "";
    if (uri.empty()) return {};
    if (!uri.starts_with(kProxied)) return "what lies at " + uri;  // the client goes there
    const auto got =
        ask("GET", std::string(kArtifacts) + uri.substr(kProxied.size()) + "/" + std::string(kFile));
    return got && got->status == 200 ? got->body : "";
  }
  std::string version_of(const std::string& alias) const {
    const auto reply =
        ask("GET", std::string(kRoutes) + "registered-models/alias?name=digits&alias=" + alias);
    if (!reply || reply->status != 200) return {};
    const Json said = parse_json(reply->body).value_or(Json::object());
    return said.contains("model_version") ? said["model_version"].value("version", "") : "";
  }
  // Whether anything is served that nobody registered. A third version is whoever's who asked for one.
  enum class Third : std::uint8_t { kNobodys, kRegistered };
  bool harmed(Third third = Third::kNobodys) const {
    for (int version = 1; version <= 2; ++version) {
      const std::string got = weights(version);
      if (!got.empty() && got != kWeights[static_cast<std::size_t>(version) - 1]) return true;
    }
    const std::string champion = version_of("champion");
    const bool more = third == Third::kNobodys && !weights(3).empty();
    return more || !version_of("best").empty() || (!champion.empty() && champion != "2");
  }

 private:
  std::uint16_t port_;
};

// Two versions of "digits" and the alias; the runs that they were logged by.
Result<std::array<std::string, 2>> register_versions(const Client& client) {
  std::array<std::string, 2> runs;
  TRY(client.post("registered-models/create", {{"name", "digits"}}));
  for (std::size_t i = 0; i < 2; ++i) {
    const Json made = TRY(client.post("runs/create", {{"experiment_id", "0"}, {"start_time", 1}}));
    runs[i] = made["run"]["info"]["run_id"].get<std::string>();
    const std::string folder = "0/" + runs[i] + "/artifacts/m";
    for (const auto& [file, bytes] : {std::pair(std::string("MLmodel"), std::string_view("flavors: {}\n")),
                                      std::pair(std::string(kFile), kWeights[i])}) {
      const Reply sent = TRY(client.ask("PUT", std::string(kArtifacts) + folder + "/" + file, bytes));
      if (sent.status != 200) return invalid("an artifact was refused: " + sent.body);
    }
    TRY(client.post("model-versions/create",
                    {{"name", "digits"}, {"source", std::string(kProxied) + folder}, {"run_id", runs[i]}}));
    for (int wait = 0; wait < 500 && client.weights(static_cast<int>(i) + 1) != kWeights[i]; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  TRY(client.post("registered-models/alias", {{"name", "digits"}, {"alias", "champion"}, {"version", "2"}}));
  if (client.weights(1) != kWeights[0] || client.harmed())
    return invalid("what was registered is not served");
  return runs;
}

struct Attempt {
  const char* what;
  const char* method;
  std::string target;
  std::string body;
};

// What somebody with an account, or where there are none anybody, asks of the server.
std::vector<std::vector<Attempt>> over_http(const std::array<std::string, 2>& runs) {
  const std::string folder = std::string(kArtifacts) + "0/" + runs[0] + "/artifacts/m";
  const std::string file = folder + "/" + std::string(kFile);
  const std::string evil(kEvil);
  const auto route = [](const char* what, const char* method, const char* name, const Json& body) {
    return Attempt{what, method, std::string(kRoutes) + name, canonical(body)};
  };
  const std::string other = std::string(kProxied) + "0/" + runs[1] + "/artifacts/m";
  return {
      {{"the weights are uploaded again", "PUT", file, evil}},
      {{"the weights are removed and uploaded again", "DELETE", file, ""}, {"", "PUT", file, evil}},
      {{"the folder is removed and uploaded again", "DELETE", folder, ""}, {"", "PUT", file, evil}},
      {{"the place of the version is written to", "PUT",
        std::string(kArtifacts) + "versions/digits/1/" + std::string(kFile), evil}},
      {route("the version is given another source", "PATCH", "model-versions/update",
             {{"name", "digits"}, {"version", "1"}, {"source", other}})},
      {route("the version is removed and made anew", "DELETE", "model-versions/delete",
             {{"name", "digits"}, {"version", "1"}}),
       route("", "POST", "model-versions/create",
             {{"name", "digits"}, {"version", "1"}, {"source", other}, {"run_id", runs[1]}})},
      {route("the model is removed and made anew", "DELETE", "registered-models/delete",
             {{"name", "digits"}}),
       route("", "POST", "registered-models/create", {{"name", "digits"}}),
       route("", "POST", "model-versions/create",
             {{"name", "digits"}, {"source", other}, {"run_id", runs[1]}})},
      {route("another model takes the name", "POST", "registered-models/create", {{"name", "letters"}}),
       route("", "POST", "model-versions/create",
             {{"name", "letters"}, {"source", other}, {"run_id", runs[1]}}),
       route("", "POST", "registered-models/rename", {{"name", "digits"}, {"new_name", "digits-old"}}),
       route("", "POST", "registered-models/rename", {{"name", "letters"}, {"new_name", "digits"}})},
  };
}

// What writes to the tables of a server's file, past their constraints.
std::function<void(const std::string&)> sql_on(const std::filesystem::path& file) {
  return [file](const std::string& statements) {
    auto database = services::sqlite::Database::open(file);
    SP_CHECK(database && database->execute("PRAGMA foreign_keys=OFF; " + statements));
  };
}

// Our server over a folder that is put back for each kind.
class Ours {
 public:
  static Result<Ours> start(const std::filesystem::path& scratch) {
    Ours out(scratch);
    {
      const Served server = TRY(Served::start(our_server_words(out.place_.root), kReadyWithinS));
      out.place_.runs = TRY(register_versions(Client(server.port())));
    }
    std::filesystem::copy(out.place_.root, out.base_, std::filesystem::copy_options::recursive);
    return out;
  }

  Result<bool> harmed_by(const Tampering& kind) {
    restore();
    kind.act(place_);
    // A server that does not start serves nothing.
    if (const auto cold = Served::start(our_server_words(place_.root), kStartS);
        cold && Client(cold->port()).harmed())
      return true;
    restore();
    const Served hot = TRY(Served::start(our_server_words(place_.root), kReadyWithinS));
    kind.act(place_);
    return Client(hot.port()).harmed();
  }
  Result<bool> harmed_by(const std::vector<Attempt>& asked) {
    restore();
    const Served server = TRY(Served::start(our_server_words(place_.root), kReadyWithinS));
    const Client client(server.port());
    for (const Attempt& one : asked) TRY(client.ask(one.method, one.target, one.body));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // a gate may take it up
    return client.harmed(Client::Third::kRegistered);
  }
  const std::array<std::string, 2>& runs() const { return place_.runs; }
  static std::vector<Tampering> kinds() { return tampering::of_our_server(); }

 private:
  static constexpr double kStartS = 5;

  explicit Ours(const std::filesystem::path& scratch) : base_(scratch / "ours-base") {
    place_.root = scratch / "ours";
    const std::filesystem::path file = place_.root / services::tracking::kSqliteFile;
    place_.sql = sql_on(file);
    place_.weights = [object = place_](std::size_t version) {
      return object.object(sha256(kWeights[version - 1]));
    };
    place_.manifest_of = [file](std::size_t version) {
      auto opened = services::sqlite::Database::open(file);
      SP_CHECK(opened.has_value());
      const auto rows =
          opened->query("SELECT manifest FROM versions WHERE version = " + std::to_string(version), {});
      return rows && !rows->empty() ? services::tracking::text_at(rows->front(), 0) : std::string();
    };
  }
  void restore() const {
    std::filesystem::remove_all(place_.root);
    std::filesystem::copy(base_, place_.root, std::filesystem::copy_options::recursive);
  }

  std::filesystem::path base_;
  Place place_ = {};
};

// MLflow's server, which keeps running: it starts in seconds.
class Theirs {
 public:
  static Result<Theirs> start(const std::filesystem::path& peer, const std::filesystem::path& scratch) {
    const std::filesystem::path root = scratch / "theirs";
    std::filesystem::create_directories(root);
    Theirs out(root, TRY(Served::start(mlflow_server_words(peer, root), kReadyWithinS)));
    out.place_.runs = TRY(register_versions(out.client()));
    out.restore_tables_ = out.keep_tables();
    std::filesystem::copy(root / "mlartifacts", root / "base", std::filesystem::copy_options::recursive);
    return out;
  }

  Result<bool> harmed_by(const Tampering& kind) {
    TRY(restore());
    kind.act(place_);
    return client().harmed();
  }
  Result<bool> harmed_by(const std::vector<Attempt>& asked) {
    TRY(restore());
    for (const Attempt& one : asked) TRY(client().ask(one.method, one.target, one.body));
    return client().harmed(Client::Third::kRegistered);
  }
  const std::array<std::string, 2>& runs() const { return place_.runs; }
  static std::vector<Tampering> kinds() { return tampering::of_mlflows_server(); }

 private:
  Theirs(const std::filesystem::path& root, Served server) : server_(std::move(server)) {
    place_.root = root;
    place_.sql = sql_on(root / "mlflow.db");
  }
  Client client() const { return Client(server_.port()); }
  // A copy of each table of the registry, and the statements that bring it back.
  std::string keep_tables() {
    std::string keep;
    std::string restore;
    for (const std::string table : {"registered_models", "model_versions", "registered_model_aliases"}) {
      keep += "CREATE TABLE base_" + table + " AS SELECT * FROM " + table + ";";
      restore += "DELETE FROM " + table + "; INSERT INTO " + table + " SELECT * FROM base_" + table + ";";
    }
    place_.sql(keep);
    return restore;
  }
  Result<void> restore() {
    place_.sql(restore_tables_);
    const std::filesystem::path files = place_.root / "mlartifacts";
    std::filesystem::remove_all(files);
    std::filesystem::copy(place_.root / "base", files, std::filesystem::copy_options::recursive);
    place_.weights = [files, runs = place_.runs](std::size_t version) {
      return files / "0" / runs[version - 1] / "artifacts" / "m" / std::string(kFile);
    };
    if (!client().harmed() && client().weights(1) == kWeights[0]) return {};
    return invalid("MLflow's server could not be put back");
  }

  Served server_;
  Place place_ = {};
  std::string restore_tables_ = {};
};

struct Count {
  std::size_t tried = 0;
  std::size_t harmed = 0;
};

template <class Server>
Result<Count> try_all(const std::string& whose, Server& server) {
  Count out;
  const auto counted = [&](bool harmed, const char* what) {
    ++out.tried;
    out.harmed += harmed ? 1 : 0;
    if (harmed) std::fprintf(stderr, "sallyport-bench: sealed: %s served: %s\n", whose.c_str(), what);
  };
  for (const Tampering& kind : Server::kinds()) counted(TRY(server.harmed_by(kind)), kind.what);
  for (const std::vector<Attempt>& asked : over_http(server.runs())) {
    counted(TRY(server.harmed_by(asked)), asked.front().what);
  }
  return out;
}

std::string told(const Count& count) {
  return "of " + std::to_string(count.tried) + " kinds, on disk, in the database and over HTTP";
}

}  // namespace

Result<std::vector<Figure>> bench_sealed() {
  const Scratch scratch;
  Ours ours = TRY(Ours::start(scratch.path()));
  const Count us = TRY(try_all("ours", ours));
  std::vector<Figure> out{{.name = "sealed: kinds of tampering tried",
                           .value = static_cast<double>(us.tried),
                           .unit = "",
                           .target = 30,
                           .how = "each before the server starts and while it runs"},
                          {.name = "sealed: other bytes or versions served",
                           .value = static_cast<double>(us.harmed),
                           .unit = "",
                           .target = 0,
                           .better = Better::kLower,
                           .how = told(us)}};
  const std::filesystem::path peer = mlflow_peer();
  if (peer.empty()) {
    std::fprintf(stderr, "sallyport-bench: sealed: MLflow could not be installed; it is left out\n");
    return out;
  }
  Theirs theirs = TRY(Theirs::start(peer, scratch.path()));
  const Count them = TRY(try_all("MLflow", theirs));
  out.push_back({.name = "sealed: other bytes or versions served, MLflow",
                 .value = static_cast<double>(them.harmed),
                 .unit = "",
                 .how = told(them) + "; it has fewer things to change"});
  return out;
}

}  // namespace sallyport::bench
