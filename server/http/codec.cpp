#include "lathe/server/http/codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <httplib.h>

namespace lathe::server {

namespace {

// Reads a head from memory, and keeps what is written.
class TextStream final : public httplib::Stream {
 public:
  TextStream(const std::string& in, std::string& out) : in_(in), out_(out) {}

  bool is_readable() const override { return at_ < in_.size(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t taken = std::min(size, in_.size() - at_);
    std::memcpy(to, in_.data() + at_, taken);
    at_ += taken;
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, std::size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return 0; }  // it is only compared with FD_SETSIZE

 private:
  const std::string& in_;
  std::string& out_;
  std::size_t at_ = 0;
};

HttpRequest to_request(const httplib::Request& request, std::string_view body) {
  return {.method = request.method,
          .path = request.path,
          .body = body,
          .content_type = request.get_header_value("Content-Type"),
          .content_encoding = request.get_header_value("Content-Encoding"),
          .authorization = request.get_header_value("Authorization"),
          .json_length = request.get_header_value("Inference-Header-Content-Length"),
          .site = request.get_header_value("Sec-Fetch-Site"),
          .host = request.get_header_value("Host"),
          .is_wanted = [&request] { return request.progress(0, 0); }};
}

void to_reply(HttpResponse&& response, httplib::Response& reply) {
  reply.status = response.status;
  reply.body = std::move(response.body);
  if (!response.content_type.empty()) reply.set_header("Content-Type", response.content_type);
  reply.set_header("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) reply.set_header(name, value);
}

}  // namespace

class HttpCodec::Server final : public httplib::Server {
 public:
  Server(const HttpService& service, int idle_seconds) {
    set_keep_alive_max_count(1'000'000);  // as said in replies: a connection may stay
    set_keep_alive_timeout(idle_seconds);
    set_pre_routing_handler([&service](const httplib::Request& request, httplib::Response& reply) {
      to_reply(service.answer(to_request(request, request.body)), reply);
      return HandlerResponse::Handled;
    });
    // What the parser refuses by itself: a method or target that is none, or one that is too long.
    set_error_handler([](const httplib::Request&, httplib::Response& reply) {
      if (!reply.body.empty()) return;
      const int status = reply.status;
      try {
        throw HttpError(status, "R049",
                        status == 414 ? "HTTP: the target is longer than 8192 bytes"
                                      : "HTTP: the head cannot be read");
      } catch (...) {
        to_reply(error_response(), reply);
      }
    });
  }

  bool answer(const std::string& head, std::string& body, const Caller& caller, std::string& out) {
    TextStream stream(head, out);
    bool closed = false;
    const auto complete = [&](httplib::Request& request) {
      request.body = std::move(body);
      request.progress = [&](auto...) { return caller.waits(); };  // its clients go on while true
    };
    const bool written = process_request(stream, !caller.keep_alive, closed, complete);
    return written && !closed;
  }
};

HttpCodec::HttpCodec(const HttpService& service, int idle_seconds)
    : server_(std::make_unique<Server>(service, idle_seconds)) {}

HttpCodec::~HttpCodec() = default;

bool HttpCodec::answer(const std::string& head, std::string& body, const Caller& caller,
                       std::string& out) const {
  return server_->answer(head, body, caller, out);
}

std::string closing_reply(const HttpResponse& response) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) +
                    " Refused\r\nContent-Type: " + response.content_type +
                    "\r\nContent-Length: " + std::to_string(response.body.size()) +
                    "\r\nConnection: close\r\n";
  for (const auto& [name, value] : response.headers) out += name + ": " + value + "\r\n";
  return out + "\r\n" + response.body;
}

}  // namespace lathe::server
