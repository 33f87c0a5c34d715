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
  std::string page = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lathed</title>
<link rel="icon" href="data:,">
<style>
/* Names of models are shown as they are written. */
rapi-doc::part(label-tag-title), rapi-doc::part(section-navbar-tag) { text-transform: none; }
@media (max-width: 640px) { rapi-doc::part(wrap-request-btn) { flex-wrap: wrap; row-gap: 8px; } }
form { font: 16px system-ui, sans-serif; padding: 2em; }
h1 { font-size: 24px; }
</style>
<script src="/docs/rapidoc-min.js"></script>
)";
  if (tokens) page += "<script src=\"/docs/token.js\" defer></script>\n";
  page += "</head>\n<body>\n";
  if (tokens) {
    page += R"(<form>
<h1>lathed</h1>
<p>This server answers predictions by the Open Inference Protocol, over HTTP and gRPC. The page shows its models,
their columns, and rows to try.</p>
<label>A token for predictions: <input type="password" autocomplete="off" autofocus required></label>
<button>Show the models</button>
<p role="alert"></p>
</form>
)";
  }
  page += R"(<rapi-doc render-style="read" schema-style="table" load-fonts="false"
  theme="light" primary-color="#2f5d8a" regular-font="system-ui, sans-serif"
  mono-font="ui-monospace, monospace" show-header="false" allow-server-selection="false"
  allow-spec-url-load="false" allow-spec-file-load="false" schema-expand-level="3"
  sort-tags="false" )";
  page += tokens ? "allow-authentication=\"true\""
                 : "allow-authentication=\"false\" spec-url=\"/openapi.json\"";
  return page + "></rapi-doc>\n</body>\n</html>\n";
}

std::string_view docs_token_script() {
  return R"(// Fetches the description with the token that is typed in, and leaves it to the page's calls. It is
// kept nowhere but there.
const page = document.querySelector('rapi-doc');
const form = document.querySelector('form');
page.hidden = true;
form.addEventListener('submit', async event => {
  event.preventDefault();
  const token = form.querySelector('input').value.trim();
  const reply = await fetch('/openapi.json', {headers: {Authorization: 'Bearer ' + token}});
  const answer = await reply.json();
  form.querySelector('p').textContent = reply.ok ? '' : answer.error;
  form.hidden = reply.ok;
  page.hidden = !reply.ok;
  if (!reply.ok) return;
  page.addEventListener('spec-loaded', () => page.setApiKey('token', token), {once: true});
  page.loadSpec(answer);
});
)";
}

std::string_view docs_script_gzip() { return {lathe_docs_script_begin, lathe_docs_script_end}; }

std::string_view docs_content_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
         "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'";
}

}  // namespace lathe::server
