// The model file. Everything is little-endian:
//
//   8 bytes   magic "\x89LATHE\r\n"
//   u32       format version (1)
//   u32       number of sections
//   per section: 16 bytes name (zero-padded), u64 offset from the start of the file, u64 length
//   u64       XXH3-64 of every other byte of the file
//   sections  "contract" (JSON), "model" (name of the estimator, then its state)
//
// It is written to a temporary file in the same folder, synced and renamed, so a reader sees the old
// file or the new one. Reading verifies the checksum first, and still trusts nothing.
#pragma once

#include <span>
#include <string>

#include "lathe/ml/fitted_pipeline.h"

namespace lathe {

inline constexpr int model_format_version = 1;

// Throws IoError, and InvalidArgument when the file is there and `overwrite` is false.
void save_model(const FittedPipeline& fitted, const std::string& path, bool overwrite = false);
std::string model_bytes(const FittedPipeline& fitted);

// Throw IoError, NotFound (no such file), CorruptData with the reason.
FittedPipeline load_model_file(const std::string& path);
FittedPipeline load_model_bytes(std::span<const char> bytes, const std::string& name);

}  // namespace lathe
