// The files of some kinds in a repository, each inspected, as what a guard answers.
//
// Only the working files are looked at: what history holds is deployed by nobody. A file that is not what its
// name says is told of as a statistic and, where it stands in a place that is executed, as a finding.
#pragma once

#include <initializer_list>

#include "core/guard.h"
#include "formats/infra/infra.h"

namespace sallyport::formats::infra {

Result<Examination> examine_repository(const RepositorySubject& repository,
                                       std::initializer_list<FileKind> kinds);

}  // namespace sallyport::formats::infra
