#include <new>

#include "lathe/server/error.h"
#include "lathe/server/http/json.h"
#include "lathe/server/http/message.h"
#include "lathe/server/log.h"
#include "lathe/server/refusals.h"

namespace lathe::server {

namespace {

// R017 is about the request's own size: trying again does not help, as it does for other limits.
bool is_about_size(const Overloaded& error) { return error.code() == "R017"; }

int status_of(const Error& error) {
  if (const auto* http = dynamic_cast<const HttpError*>(&error)) return http->status();
  if (dynamic_cast<const InvalidArgument*>(&error) != nullptr) return 400;
  if (dynamic_cast<const NotFound*>(&error) != nullptr) return 404;
  if (dynamic_cast<const Unavailable*>(&error) != nullptr) return 503;
  if (dynamic_cast<const Unauthenticated*>(&error) != nullptr) return 401;
  if (dynamic_cast<const Forbidden*>(&error) != nullptr) return 403;
  if (dynamic_cast<const DeadlineExceeded*>(&error) != nullptr) return 504;
  if (dynamic_cast<const Cancelled*>(&error) != nullptr) return 499;  // as nginx says it
  if (dynamic_cast<const NotSupported*>(&error) != nullptr) return 501;
  if (const auto* full = dynamic_cast<const Overloaded*>(&error)) {
    return is_about_size(*full) ? 413 : 503;
  }
  return 500;  // CorruptData: a model that cannot be loaded, and why
}

// To an operator: a limit or a token turned a request away.
bool is_of_interest(int status) {
  return status == 401 || status == 403 || status == 413 || status == 503;
}

HttpResponse response_of(int status, std::string_view code, const std::string& message) {
  HttpResponse response;
  response.status = status;
  response.body = "{\"error\":";
  append_json(response.body, std::string_view(message));
  if (!code.empty()) {
    response.body += ",\"code\":";
    append_json(response.body, code);
  }
  response.body += "}";
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

HttpError::~HttpError() = default;

HttpResponse error_response() {
  try {
    throw;
  } catch (const IoError& error) {
    log_error(std::string("internal error: ") + error.what());
  } catch (const Error& error) {
    std::string message = error.code() + ": " + error.what();
    if (!error.help().empty()) message += "; " + error.help();
    const int status = status_of(error);
    if (is_of_interest(status)) log_refusal(error.code(), error.what());
    return response_of(status, error.code(), message);
  } catch (const std::bad_alloc&) {
    return response_of(503, "", "out of memory");
  } catch (const std::exception& error) {
    log_error(std::string("internal error: ") + error.what());
  }
  return response_of(500, "", "internal error");
}

}  // namespace lathe::server
