// A file that is there whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace lathe {

// Writes a temporary file in the same folder, syncs it, moves it to `path` and syncs the folder, so
// that a reader, also after a power cut, sees the old bytes or the new ones. Permissions are those
// of the file that is overwritten, else what the umask leaves of 0666; a link is replaced, not
// followed. Throws IoError (M006), also for a device or a folder, with the temporary file removed,
// and InvalidArgument (M005) when `path` is there and `overwrite` is false.
void write_file_atomically(const std::string& path, std::string_view bytes, bool overwrite);

}  // namespace lathe
