#include "benchmarks/serving/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace lathe::server {

namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::string_view service = "/inference.GRPCInferenceService/";
constexpr std::size_t frame_prefix = 5;

[[noreturn]] void fail(const std::string& address) {
  throw std::system_error(errno, std::generic_category(), "cannot connect to " + address);
}

int connect_unix(const std::string& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.copy(name.sun_path, sizeof name.sun_path - 1, unix_prefix.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return socket;
  ::close(socket);
  fail(address);
}

int connect_tcp(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (colon == std::string::npos ||
      ::getaddrinfo(address.substr(0, colon).c_str(), &address[colon + 1], &hints, &found) != 0) {
    errno = EADDRNOTAVAIL;
    fail(address);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int socket = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    if (::connect(socket, at->ai_addr, at->ai_addrlen) == 0) {
      const int yes = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      return socket;
    }
    ::close(socket);
  }
  fail(address);
}

int number(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::size_t message_size(std::string_view frame) {
  std::size_t size = 0;
  for (std::size_t i = 1; i < frame_prefix; ++i)
    size = size << 8 | static_cast<std::uint8_t>(frame[i]);
  return size;
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// As gRPC's "HTTP2 Transport Mapping" has it.
int status_of_reset(std::uint32_t code) {
  constexpr int resource_exhausted = 8;
  if (code == NGHTTP2_REFUSED_STREAM) return Call::refused;
  if (code == NGHTTP2_ENHANCE_YOUR_CALM) return resource_exhausted;
  return Call::broken;
}

}  // namespace

std::string status_name(int status) {
  static constexpr std::array names = {"OK",
                                       "CANCELLED",
                                       "UNKNOWN",
                                       "INVALID_ARGUMENT",
                                       "DEADLINE_EXCEEDED",
                                       "NOT_FOUND",
                                       "ALREADY_EXISTS",
                                       "PERMISSION_DENIED",
                                       "RESOURCE_EXHAUSTED",
                                       "FAILED_PRECONDITION",
                                       "ABORTED",
                                       "OUT_OF_RANGE",
                                       "UNIMPLEMENTED",
                                       "INTERNAL",
                                       "UNAVAILABLE",
                                       "DATA_LOSS",
                                       "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(status);
  if (index < names.size()) return names[index];
  return status < 0 ? "BROKEN" : "STATUS_" + std::to_string(status);
}

std::string framed(std::string_view message) {
  std::string frame(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>(message.size() >> shift));
  }
  return frame.append(message);
}

// Callbacks of nghttp2 find the call by the stream's user data; null once it has ended.
class Connection::Session {
 public:
  Session();
  ~Session() { nghttp2_session_del(session_); }
  nghttp2_session* operator*() const { return session_; }

  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source* source, void*);

 private:
  static Call* call_of(nghttp2_session* session, std::int32_t id) {
    return static_cast<Call*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                       const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void*);
  static int on_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                      const std::uint8_t* bytes, std::size_t size, void*);
  static int on_close(nghttp2_session* session, std::int32_t id, std::uint32_t code, void*);

  nghttp2_session* session_ = nullptr;
};

Connection::Session::Session() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  const int error = nghttp2_session_client_new(&session_, callbacks, nullptr);
  nghttp2_session_callbacks_del(callbacks);
  if (error != 0) throw std::bad_alloc();
  const std::array<nghttp2_settings_entry, 2> settings = {
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 16U << 20}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 256 << 20);
}

ssize_t Connection::Session::read_body(nghttp2_session*, std::int32_t, std::uint8_t* buffer,
                                       std::size_t room, std::uint32_t* flags,
                                       nghttp2_data_source* source, void*) {
  Call& call = *static_cast<Call*>(source->ptr);
  std::size_t filled = 0;
  while (filled < room && !call.out_.empty()) {
    const std::string_view rest = call.out_.front().substr(call.sent_);
    const std::size_t size = std::min(room - filled, rest.size());
    std::memcpy(buffer + filled, rest.data(), size);
    filled += size;
    call.sent_ += size;
    if (size == rest.size()) {
      call.out_.pop_front();
      call.sent_ = 0;
    }
  }
  if (call.out_.empty() && !call.more_) *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (filled == 0 && call.more_) return NGHTTP2_ERR_DEFERRED;
  return static_cast<ssize_t>(filled);
}

int Connection::Session::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                                   const std::uint8_t* name_bytes, std::size_t name_size,
                                   const std::uint8_t* value_bytes, std::size_t value_size,
                                   std::uint8_t, void*) {
  Call* call = call_of(session, frame->hd.stream_id);
  if (call == nullptr) return 0;
  const std::string_view name = text_of(name_bytes, name_size);
  const std::string_view value = text_of(value_bytes, value_size);
  if (name == ":status") call->http_ = number(value);
  if (name == "grpc-status") call->status_ = number(value);
  if (name == "grpc-message") call->text_ = value;
  return 0;
}

int Connection::Session::on_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                                  const std::uint8_t* bytes, std::size_t size, void*) {
  Call* call = call_of(session, id);
  if (call == nullptr) return 0;
  call->in_ += text_of(bytes, size);
  std::string_view rest = call->in_;
  while (rest.size() >= frame_prefix) {
    const std::size_t length = message_size(rest);
    if (rest.size() - frame_prefix < length) break;
    call->on_message(rest.substr(frame_prefix, length));
    rest.remove_prefix(frame_prefix + length);
  }
  call->in_.erase(0, call->in_.size() - rest.size());
  return 0;
}

int Connection::Session::on_close(nghttp2_session* session, std::int32_t id, std::uint32_t code,
                                  void*) {
  Call* call = call_of(session, id);
  if (call == nullptr) return 0;
  nghttp2_session_set_stream_user_data(session, id, nullptr);
  int status = call->status_;
  std::string text = std::move(call->text_);
  if (status < 0 || (status == 0 && (call->http_ != 200 || !call->in_.empty()))) {
    status = status_of_reset(code);
    text = call->in_.empty() ? "no grpc-status" : "half a message";
    text += ", HTTP status " + std::to_string(call->http_) + ", reset code " + std::to_string(code);
  }
  call->on_end(status, text);
  return 0;
}

Connection::Connection(const std::string& address) : session_(std::make_unique<Session>()) {
  const bool local = address.starts_with(unix_prefix);
  authority_ = local ? "localhost" : address;
  socket_ = local ? connect_unix(address) : connect_tcp(address);
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

Connection::~Connection() { ::close(socket_); }

bool Connection::takes_calls() const {
  return nghttp2_session_check_request_allowed(**session_) != 0;
}

void Connection::open(Call& call, const std::string& method) {
  const std::string path = std::string(service) + method;
  const auto header = [](std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // it is only read
    };
    return nghttp2_nv{bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  };
  const std::array headers = {header(":method", "POST"),
                              header(":scheme", "http"),
                              header(":path", path),
                              header(":authority", authority_),
                              header("te", "trailers"),
                              header("content-type", "application/grpc"),
                              header("user-agent", "serving_load")};
  call.out_.clear();
  call.in_.clear();
  call.text_.clear();
  call.sent_ = 0;
  call.http_ = 0;
  call.status_ = -1;
  call.more_ = true;
  nghttp2_data_provider body{};
  body.source.ptr = &call;
  body.read_callback = Session::read_body;
  call.id_ =
      nghttp2_submit_request(**session_, nullptr, headers.data(), headers.size(), &body, &call);
  if (call.id_ < 0) throw Disconnected(nghttp2_strerror(call.id_));
}

void Connection::send(Call& call, std::string_view bytes) {
  call.out_.push_back(bytes);
  nghttp2_session_resume_data(**session_, call.id_);
}

void Connection::end_of_messages(Call& call) {
  call.more_ = false;
  nghttp2_session_resume_data(**session_, call.id_);
}

void Connection::receive() {
  static thread_local std::vector<std::uint8_t> buffer(256 << 10);
  const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) throw Disconnected(size == 0 ? "closed by the server" : std::strerror(errno));
  const ssize_t taken =
      nghttp2_session_mem_recv(**session_, buffer.data(), static_cast<std::size_t>(size));
  if (taken < 0) throw Disconnected(nghttp2_strerror(static_cast<int>(taken)));
}

void Connection::flush() {
  constexpr std::size_t enough = 256 << 10;
  while (true) {
    while (out_.size() < enough) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(**session_, &bytes);
      if (size < 0) throw Disconnected(nghttp2_strerror(static_cast<int>(size)));
      if (size == 0) break;
      out_ += text_of(bytes, static_cast<std::size_t>(size));
    }
    if (out_.empty()) return;
    const ssize_t size = ::send(socket_, &out_[written_], out_.size() - written_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) throw Disconnected(std::strerror(errno));
    written_ += static_cast<std::size_t>(size);
    if (written_ < out_.size()) continue;
    out_.clear();
    written_ = 0;
  }
}

}  // namespace lathe::server
