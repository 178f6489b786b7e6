#include "services/server/service.h"

namespace sallyport::services::server {

Result<Digest> audit_first_key(const trust::Workspace& workspace) {
  Env& env = *workspace.env;
  const fs::path file = workspace.keys() / "audit-log.first";
  if (env.exists(file)) {
    std::string text(as_text(TRY(env.read_file(file, limits::kKeyFileBytesMax))));
    if (text.ends_with('\n')) text.pop_back();
    return Digest::parse(text);
  }
  TRY(env.make_directories(workspace.audit()));
  const Digest key = TRY(Audit::create(env, workspace.audit()));
  TRY(write_durably(env, file, as_bytes(key.hex() + "\n"), 0600));
  return key;
}

}  // namespace sallyport::services::server
