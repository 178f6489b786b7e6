#include "catalog/catalog.h"

#include <algorithm>

namespace sallyport::catalog {
namespace {
constexpr Threat kThreats[] = {
#include "catalog/threats.inc"
};
}  // namespace

std::span<const Threat> threats() { return kThreats; }

const Threat* find_threat(std::string_view id) {
  const auto found =
      std::find_if(std::begin(kThreats), std::end(kThreats), [&](const Threat& t) { return t.id == id; });
  return found == std::end(kThreats) ? nullptr : &*found;
}

}  // namespace sallyport::catalog
