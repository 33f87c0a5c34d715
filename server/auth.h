// Who may ask for what, whatever transport they come by. Bearer tokens (RFC 6750) with a role each
// come from a file that is read again when it changes:
//
//   # the role, then the token: at least 16 letters, digits or -._~+/, as of `openssl rand -hex 32`
//   predict 5c0f...
//   admin   91be...
//
// An admin token is good for everything.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "lathe/server/file_stamp.h"

namespace lathe::server {

enum class Access {
  open,     // whether the server lives and is ready: probes have no token
  predict,  // predictions, and what is known of the models
  admin,    // loading and unloading
};

struct Caller {
  std::string_view authorization;  // the header's value, `Bearer TOKEN`; empty where there is none
  bool local = true;               // comes by an address that only this machine reaches
};

class Authority {
 public:
  // No path: nobody needs a token, and admin calls are for local callers alone. Throws IoError
  // (R030) for a file that cannot be read, InvalidArgument (R030) for one that others may read or
  // that has no tokens or a wrong line, which is named by its number and not shown.
  explicit Authority(std::string token_file = {});
  ~Authority();

  bool reads_tokens() const { return !path_.empty(); }  // else `authorization` is not looked at

  // Throws Unauthenticated (R031) without a token or with an unknown one, and Forbidden (R032) for
  // an admin call with a token for predictions, or from afar where there is no token file. The time
  // it takes does not depend on what token comes near.
  void check(const Caller& caller, Access access) const;

  // Reads the file again if it is another one by now. One that is no good is said in the log, and
  // the old tokens go on. check() does this at most once a second.
  void refresh() const;

 private:
  struct Tokens;

  Access access_of(std::string_view token) const;
  void refresh_in_time() const;

  std::string path_;
  mutable std::shared_mutex mutex_;
  mutable std::shared_ptr<const Tokens> tokens_;
  mutable std::mutex refresh_mutex_;
  mutable FileStamp tried_;
  mutable std::atomic<std::int64_t> next_look_ns_{0};
};

}  // namespace lathe::server
