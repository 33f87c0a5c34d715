// The sockets that a server listens on, and how many it lets in: gRPC's own listeners know no limit
// of connections, so ours accept them and hand them over.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lathe::server {

class Listener {
 public:
  // Connections are taken by the system from here on, and wait until start(). A host name's
  // addresses are all listened on; [::] is all of this machine's. Throws as check_address() does,
  // and IoError (R025) with the system's reason.
  explicit Listener(const std::string& address);
  ~Listener();  // as stop()
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::string& address() const { return address_; }  // with the port that was chosen

  // Gives each connection to `take`, who closes it. Past `most` open ones it is closed at once;
  // if `plain`, after a 503 that says why.
  void start(std::size_t most, bool plain, std::function<void(int listener, int connection)> take);

  // Ends listening: who connects from now on is refused. What was taken stays.
  void stop();
  // After that: whether a connection that was taken is still open.
  bool has_open();

 private:
  // The number of a connection that is closed is soon another's, but not its inode.
  struct Connection {
    int descriptor = -1;
    std::uint64_t inode = 0;
  };

  void listen_on_socket_file();
  void run(const std::stop_token& stop);
  void accept_from(int listener);
  bool has_room();
  void forget_closed();
  void refuse(int connection);
  void close_refused();

  std::string address_;
  std::string socket_file_;
  std::pair<std::uint64_t, std::int64_t> socket_identity_;
  std::vector<int> listeners_;
  int wake_ = -1;
  std::size_t most_ = 0;
  bool plain_ = true;
  std::function<void(int, int)> take_;
  std::vector<Connection> open_;
  std::vector<int> refused_;  // told, and given a moment to read it
  std::jthread thread_;
};

}  // namespace lathe::server
