// The model file. Everything is little-endian:
//
//   8 bytes   magic "\x89LATHE\r\n"
//   u32       format version (1)
//   u32       number of sections
//   per section: 16 bytes name (zero-padded), u64 offset from the start of the file, u64 length
//   u64       XXH3-64 of all the bytes before this number and all those after it
//   sections  "contract" (JSON), "model" (name of the estimator, then its state:
//   ml/core/archive.h),
//             one right after the other, up to the end of the file
//
// It is written to a temporary file in the same folder, synced and renamed, so a reader sees the
// old file or the new one. Reading verifies the checksum first, and still trusts nothing.
#pragma once

#include <span>
#include <string>

#include "lathe/ml/fitted_pipeline.h"

namespace lathe {

inline constexpr int model_format_version = 1;

// A file that is overwritten keeps its permissions; a symbolic link is replaced, not followed.
// Throws IoError (M006), leaving no temporary file behind, and InvalidArgument (M005) when the file
// is there and `overwrite` is false; NotSupported or InvalidArgument (C002) for what cannot be
// saved.
void save_model(const FittedPipeline& fitted, const std::string& path, bool overwrite = false);
std::string model_bytes(const FittedPipeline& fitted);

// Throw IoError (M006), NotFound (M007: no such file), CorruptData with the reason: M001 no model
// file, M002 of a newer format, M003 checksum, M004 sections, and those of the contract (C...) and
// the state (M01.). `name` stands for the file in messages. Memory is bounded by a small multiple
// of the file's size.
FittedPipeline load_model_file(const std::string& path);
FittedPipeline load_model_file(const std::string& path, const std::string& name);
FittedPipeline load_model_bytes(std::span<const char> bytes, const std::string& name);

}  // namespace lathe
