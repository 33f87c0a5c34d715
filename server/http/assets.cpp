#include "lathe/server/http/assets.h"

// The assembler finds the file by the folder that CMakeLists.txt names.
asm(R"(
  .pushsection .rodata
  .hidden lathe_docs_script_begin
  .hidden lathe_docs_script_end
  .global lathe_docs_script_begin
  .global lathe_docs_script_end
lathe_docs_script_begin:
  .incbin "rapidoc-min.js.gz"
lathe_docs_script_end:
  .popsection
)");

extern "C" {
extern const char lathe_docs_script_begin[];
extern const char lathe_docs_script_end[];
}

namespace lathe::server {

std::string docs_page(bool tokens) {
  const std::string begin = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lathed</title>
<link rel="icon" href="data:,">
<script src="/docs/rapidoc-min.js"></script>
</head>
<body>
<rapi-doc spec-url="/openapi.json" render-style="read" schema-style="table" load-fonts="false"
  theme="light" primary-color="#2f5d8a" regular-font="system-ui, sans-serif"
  mono-font="ui-monospace, monospace" show-header="false" allow-server-selection="false"
  allow-spec-url-load="false" allow-spec-file-load="false" schema-expand-level="3"
  sort-tags="false" allow-authentication=")";
  return begin + (tokens ? "true" : "false") + R"("></rapi-doc>
</body>
</html>
)";
}

std::string_view docs_script_gzip() { return {lathe_docs_script_begin, lathe_docs_script_end}; }

std::string_view docs_content_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
         "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'";
}

}  // namespace lathe::server
