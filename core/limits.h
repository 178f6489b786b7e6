// Every size, depth, count and wait that input could otherwise choose, in one place.
//
// A limit is generous for honest use and small against the machine. Exceeding one is ErrorKind::kLimit and
// the message names the limit, so that a user can tell a limit from a malformed file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sallyport::limits {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

// Text formats.
inline constexpr std::size_t kJsonBytesMax = 64 * kMiB;
inline constexpr int kJsonDepthMax = 64;
inline constexpr std::size_t kYamlBytesMax = 1 * kMiB;
inline constexpr std::size_t kYamlDataBytesMax = 16 * kMiB;  // of data, not configuration
inline constexpr std::size_t kCsvCellBytesMax = 1 * kMiB;
inline constexpr std::size_t kCsvColumnsMax = 65536;
inline constexpr std::size_t kCsvRowsMax = 50'000'000;

inline constexpr std::size_t kHtmlDepthMax = 64;

// Files that are read whole.
inline constexpr std::size_t kFileBytesMax = 4 * kGiB;
inline constexpr std::size_t kStatementBytesMax = 8 * kMiB;
inline constexpr std::size_t kKeyFileBytesMax = 64 * kKiB;

// Models.
inline constexpr std::size_t kSafetensorsHeaderBytesMax = 64 * kMiB;
inline constexpr std::size_t kSafetensorsTensorsMax = 100'000;
inline constexpr std::size_t kTensorRankMax = 64;
inline constexpr std::size_t kTemplateBytesMax = 4 * kMiB;
inline constexpr std::size_t kTemplateDepthMax = 200;  // brackets and blocks, each
inline constexpr std::size_t kGgufEntriesMax = 1'000'000;  // keys and tensors, each
inline constexpr std::size_t kGgufArrayDepthMax = 16;
inline constexpr std::size_t kOnnxBytesMax = 2 * kGiB;
inline constexpr std::size_t kOnnxNodesMax = 1'000'000;
inline constexpr std::size_t kOnnxItemsMax = 8'000'000;  // names, attributes, tensors, values together
inline constexpr std::size_t kOnnxGraphsMax = 10'000;
inline constexpr std::size_t kOnnxDepthMax = 32;
inline constexpr std::size_t kProtobufDepthMax = 100;  // what official parsers allow
inline constexpr std::size_t kProtobufFieldsMax = 50'000'000;
inline constexpr std::size_t kTensorflowNodesMax = 5'000'000;
inline constexpr std::size_t kFlatbufferItemsMax = 4'000'000;     // tables, vectors and texts together
inline constexpr std::int64_t kTrainingCountMax = 1'000'000'000;  // rows, epochs, steps between checkpoints
inline constexpr std::size_t kPcaFeaturesMax = 4096;
inline constexpr std::size_t kNetworkLayersMax = 64;
inline constexpr std::size_t kNetworkFeaturesMax = 65'536;
inline constexpr std::size_t kNetworkParametersMax = 100'000'000;

// Archives and compressed streams within one file.
inline constexpr std::size_t kArchiveMembersMax = 200'000;
inline constexpr int kArchiveDepthMax = 8;
inline constexpr std::size_t kUnpackedBytesMax = 2 * kGiB;  // of all layers of one file together
inline constexpr std::size_t kExpansionFree = 256 * kMiB;  // what may be unpacked at any ratio
inline constexpr std::size_t kExpansionRatioMax = 250;     // unpacked to packed, beyond kExpansionFree
inline constexpr std::size_t kAfterBombBytesMax = 32 * kMiB;  // still unpacked once a bomb was met
inline constexpr std::size_t kCodecMemoryMax = 192 * kMiB;    // of one decoder: its window and tables
inline constexpr std::size_t kInspectLayersMax = 400'000;
inline constexpr std::size_t kInspectSeenMax = 1000;  // observations, notes and references of one file, each
inline constexpr std::size_t kNpyHeaderBytesMax = 1 * kMiB;
inline constexpr std::uint64_t kHdf5CoverMax = 4;  // how often the structures of a file may cover it
inline constexpr std::size_t kHdf5RankMax = 32;

// Text in which credentials are looked for, and git repositories.
inline constexpr std::size_t kSecretTextBytesMax = 1 * kGiB;
inline constexpr std::size_t kRepositoryBytesMax = 1 * kGiB;  // of all objects and files together
inline constexpr std::size_t kRepositoryObjectsMax = 5'000'000;

// Symbols of a pickle that is interpreted.
inline constexpr std::size_t kPickleMemoryMax = 1 * kGiB;
inline constexpr std::size_t kPickleNameBytesMax = 4 * kKiB;  // of a module or of what it holds
inline constexpr std::size_t kPackRulesMax = 10'000;          // of a policy pack
inline constexpr std::size_t kPackGlobalsMax = 30'000;

// Directories and manifests.
inline constexpr std::size_t kManifestEntriesMax = 1'000'000;
inline constexpr int kDirectoryDepthMax = 64;
inline constexpr std::size_t kPathBytesMax = 4096;

// The transparency log, C2SP tlog-tiles: an entry's length is a 16-bit number.
inline constexpr std::size_t kLogEntryBytesMax = 65535;
inline constexpr std::size_t kCheckpointBytesMax = 64 * kKiB;

// Chains of attestations.
inline constexpr std::size_t kChainLinksMax = 10'000;
inline constexpr std::size_t kSignaturesMax = 16;

// Guards.
inline constexpr std::size_t kFindingsPerGuardMax = 1000;

// The inference server.
inline constexpr std::size_t kRequestBytesMax = 16 * kMiB;
inline constexpr std::size_t kRequestHeaderBytesMax = 16 * kKiB;
inline constexpr int kRequestTimeoutMs = 10'000;
inline constexpr std::size_t kAuditSegmentBytesMax = 1 * kGiB;
inline constexpr std::size_t kAuditSegmentsMax = 100'000;
inline constexpr std::size_t kTensorsMax = 64;
inline constexpr std::size_t kTensorDimensionsMax = 16;
inline constexpr std::size_t kTensorNameBytesMax = 128;

// The sandbox. A command that is refused more often than this is not trying to compute.
inline constexpr std::uint64_t kSandboxDenialsMax = 100'000;
inline constexpr int kSandboxProcessesMax = 1'000'000;
inline constexpr std::size_t kOutputLineBytesMax = 64 * kKiB;

// Workers.
inline constexpr std::size_t kWorkerHeaderBytesMax = 4 * kMiB;
inline constexpr std::size_t kWorkerPayloadBytesMax = 2 * kGiB;
inline constexpr int kWorkerTimeoutMs = 600'000;

}  // namespace sallyport::limits
