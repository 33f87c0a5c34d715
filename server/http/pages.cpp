// Routes that are ours: metrics, the description of the interface, and the page that shows it.
#include "lathe/server/http/assets.h"
#include "lathe/server/http/call.h"
#include "lathe/server/http/metrics.h"
#include "lathe/server/http/openapi.h"

namespace lathe::server {

void HttpService::metrics(const Call&, HttpResponse& response) const {
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_text(repository_, options_.calls);
}

void HttpService::openapi(const Call&, HttpResponse& response) const {
  response.body = openapi_text(repository_, authority_.reads_tokens());
}

void HttpService::docs(const Call&, HttpResponse& response) const {
  response.content_type = "text/html; charset=utf-8";
  response.body = docs_page(authority_.reads_tokens());
  response.headers.emplace_back("Content-Security-Policy", docs_content_policy());
}

void HttpService::docs_script(const Call&, HttpResponse& response) const {
  response.content_type = "text/javascript; charset=utf-8";
  response.body = docs_script_gzip();
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.headers.emplace_back("Cache-Control", "max-age=3600");
}

void HttpService::docs_token_script(const Call&, HttpResponse& response) const {
  response.content_type = "text/javascript; charset=utf-8";
  response.body = server::docs_token_script();
}

void HttpService::home(const Call&, HttpResponse& response) const {
  response.status = 302;
  response.content_type = "";
  response.headers.emplace_back("Location", "/docs");
}

}  // namespace lathe::server
