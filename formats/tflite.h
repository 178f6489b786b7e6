// TFLite models: the flatbuffer verified by its schema, then what operators it asks for, whether its indices
// and sizes agree, and which bytes nothing refers to.
//
// Nothing is executed, and the file is not copied. A model over two gigabytes keeps its weights behind the
// flatbuffer, and so may any; those stretches count as referred to. Limits: kFlatbuffer*. Source: TensorFlow
// Lite's schema.fbs, version 3. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "formats/flatbuffer.h"

namespace sallyport::formats::tflite {

inline constexpr std::string_view kIdentifier = "TFL3";
bool is_tflite(BytesView bytes);

struct Operator {
  std::uint64_t builtin = 0;
  std::string custom = {};  // of kCustom; "FlexMatMul" is TensorFlow's MatMul
  std::size_t offset = 0;
};
inline constexpr std::uint64_t kCustom = 32;
inline constexpr std::uint64_t kBuiltins = 210;  // how many the schema names
// Of the builtin ones, those that call code by a name in the file.
inline constexpr std::uint64_t kCustomCall = 173;

struct Problem {
  std::size_t offset = 0;
  std::string message = {};
};
struct ExternalFile {
  std::string name = {};
  std::size_t offset = 0;
};
struct Model {
  std::vector<Operator> operators = {};
  std::vector<Problem> problems = {};                  // indices and sizes that do not agree
  std::vector<flatbuffer::Stretch> used = {};          // sorted and apart
  std::vector<flatbuffer::Stretch> unreferenced = {};  // what is not used, beyond padding of zeros
  std::vector<std::string> unknown = {};               // of a schema that is newer than this reader
  std::vector<ExternalFile> files = {};
};
// Error with the first offset, vector or table that is out of place.
Result<Model> read_tflite(BytesView bytes);

}  // namespace sallyport::formats::tflite
