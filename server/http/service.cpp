#include "lathe/server/http/service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>

#include "lathe/server/address.h"
#include "lathe/server/http/call.h"
#include "lathe/server/log.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // its slash
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  if (!parts.empty() && parts.back().empty()) parts.pop_back();  // a slash at the end
  return parts;
}

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  type.erase(type.find_last_not_of(" \t") + 1);
  for (char& c : type) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return type.empty() || type == "application/json" || type == "application/octet-stream";
}

}  // namespace

struct HttpService::Route {
  using Handler = void (HttpService::*)(const Call&, HttpResponse&) const;

  std::string_view method;
  std::string_view pattern;  // {m} stands for a model, {v} for a version
  Access access;
  Handler handler;
  std::vector<std::string_view> parts = split(pattern);

  bool matches(const std::vector<std::string_view>& path, Call& call) const {
    if (path.size() != parts.size()) return false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i].starts_with('{') && parts[i] != path[i]) return false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i] == "{m}") call.model = path[i];
      if (parts[i] == "{v}") call.version = path[i];
    }
    return true;
  }
};

// The first that matches is taken.
const std::vector<HttpService::Route>& HttpService::routes() {
  using enum Access;
  using S = HttpService;
  static const std::vector<Route> table = {
      {"GET", "/", open, &S::home},
      {"GET", "/healthz", open, &S::server_live},
      {"GET", "/readyz", open, &S::server_ready},
      {"GET", "/metrics", predict, &S::metrics},
      {"GET", "/openapi.json", predict, &S::openapi},
      {"GET", "/docs", open, &S::docs},
      {"GET", "/docs/rapidoc-min.js", open, &S::docs_script},
      {"GET", "/docs/token.js", open, &S::docs_token_script},
      {"GET", "/v2", predict, &S::server_metadata},
      {"GET", "/v2/health/live", open, &S::server_live},
      {"GET", "/v2/health/ready", open, &S::server_ready},
      {"GET", "/v2/models/stats", predict, &S::model_statistics},
      {"GET", "/v2/models/{m}", predict, &S::model_metadata},
      {"GET", "/v2/models/{m}/versions/{v}", predict, &S::model_metadata},
      {"GET", "/v2/models/{m}/ready", predict, &S::model_ready},
      {"GET", "/v2/models/{m}/versions/{v}/ready", predict, &S::model_ready},
      {"GET", "/v2/models/{m}/config", predict, &S::model_config},
      {"GET", "/v2/models/{m}/versions/{v}/config", predict, &S::model_config},
      {"GET", "/v2/models/{m}/stats", predict, &S::model_statistics},
      {"GET", "/v2/models/{m}/versions/{v}/stats", predict, &S::model_statistics},
      {"POST", "/v2/models/{m}/infer", predict, &S::infer},
      {"POST", "/v2/models/{m}/versions/{v}/infer", predict, &S::infer},
      {"POST", "/v2/models/{m}/predict", predict, &S::predict},
      {"POST", "/v2/models/{m}/versions/{v}/predict", predict, &S::predict},
      {"POST", "/v2/repository/index", predict, &S::repository_index},
      {"POST", "/v2/repository/models/{m}/load", admin, &S::repository_load},
      {"POST", "/v2/repository/models/{m}/unload", admin, &S::repository_unload},
  };
  return table;
}

HttpService::HttpService(const Inference& inference, const Repository& repository,
                         const Authority& authority, const HttpServiceOptions& options)
    : inference_(inference), repository_(repository), authority_(authority), options_(options) {}

HttpResponse HttpService::answer(const HttpRequest& request) const noexcept {
  try {
    return route(request);
  } catch (...) {
    return error_response();
  }
}

HttpResponse HttpService::route(const HttpRequest& request) const {
  const std::string_view method =
      request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  const std::vector<std::string_view> path = split(request.path);
  Call call{request, {}, {}};
  std::string allowed;
  for (const Route& candidate : routes()) {
    if (!candidate.matches(path, call)) continue;
    if (candidate.method != method) {
      allowed = candidate.method;
      continue;
    }
    authority_.check({.authorization = request.authorization,
                      .local = options_.local && is_own_name(request.host)},
                     candidate.access);
    if (method == "POST") check_body(request);
    HttpResponse response;
    (this->*candidate.handler)(call, response);
    return response;
  }
  if (allowed.empty()) {
    throw HttpError(404, "R044", "there is nothing at " + in_quotes(request.path),
                    "/openapi.json and /docs say what there is");
  }
  HttpResponse response;
  try {
    throw HttpError(
        405, "R045",
        in_quotes(request.path) + " takes " + allowed + ", and not " + in_quotes(request.method));
  } catch (...) {
    response = error_response();
  }
  response.headers.emplace_back("Allow", allowed);
  return response;
}

void HttpService::check_body(const HttpRequest& request) const {
  // A page of another site can make a browser send forms and text here, but not these.
  if (!is_json(request.content_type)) {
    throw HttpError(415, "R046",
                    "the content type " + in_quotes(request.content_type) + " is not taken",
                    "send -H 'Content-Type: application/json'");
  }
  if (!request.content_encoding.empty() && request.content_encoding != "identity") {
    throw HttpError(415, "R046",
                    "the content encoding " + in_quotes(request.content_encoding) +
                        " is not taken: send the body as it is");
  }
  if (!request.site.empty() && request.site != "same-origin" && request.site != "none") {
    throw HttpError(403, "R047", "a page of another site may not send requests here");
  }
}

void HttpService::check_json(std::size_t bytes) const {
  if (bytes <= options_.max_json_bytes) return;
  throw HttpError(413, "R048",
                  "JSON of " + std::to_string(bytes) + " bytes is larger than the limit of " +
                      std::to_string(options_.max_json_bytes),
                  "send the tensors binary, send fewer rows at a time, or raise "
                  "--http-max-json-mib");
}

}  // namespace lathe::server
