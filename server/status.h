// Where errors become gRPC statuses.
#pragma once

#include <exception>
#include <new>
#include <string>

#include <grpcpp/support/status.h>

#include "lathe/server/error.h"
#include "lathe/server/log.h"
#include "lathe/server/refusals.h"
#include "lathe/server/text.h"

namespace lathe::server {

// A status travels in a header, of which clients take 8 KiB, three bytes for one that is not ASCII.
inline constexpr std::size_t longest_status = 1000;

inline std::string status_text(const Error& error) {
  std::string text = error.code() + ": " + error.what();
  if (!error.help().empty()) text += "; " + error.help();
  return std::string(shortened(text, longest_status));
}

// One that an operator wants to know of: a limit or a token turned a request away.
inline std::string refusal_text(const Error& error) {
  log_refusal(error.code(), error.what());
  return status_text(error);
}

// The one place where errors become statuses.
template <class Call>
grpc::Status answer(Call&& call) {
  using enum grpc::StatusCode;
  try {
    call();
    return grpc::Status::OK;
  } catch (const InvalidArgument& error) {
    return {INVALID_ARGUMENT, status_text(error)};
  } catch (const NotFound& error) {
    return {NOT_FOUND, status_text(error)};
  } catch (const Unavailable& error) {
    return {UNAVAILABLE, status_text(error)};
  } catch (const Overloaded& error) {
    return {RESOURCE_EXHAUSTED, refusal_text(error)};
  } catch (const Unauthenticated& error) {
    return {UNAUTHENTICATED, refusal_text(error)};
  } catch (const Forbidden& error) {
    return {PERMISSION_DENIED, refusal_text(error)};
  } catch (const DeadlineExceeded& error) {
    return {DEADLINE_EXCEEDED, status_text(error)};
  } catch (const Cancelled& error) {
    return {CANCELLED, status_text(error)};
  } catch (const NotSupported& error) {
    return {UNIMPLEMENTED, status_text(error)};
  } catch (const CorruptData& error) {
    return {DATA_LOSS, status_text(error)};
  } catch (const std::bad_alloc&) {
    return {RESOURCE_EXHAUSTED, "out of memory"};
  } catch (const std::exception& error) {  // its text may hold paths: log it, do not send it
    log_internal_error(error.what());
    return {INTERNAL, "internal error"};
  }
}

}  // namespace lathe::server
