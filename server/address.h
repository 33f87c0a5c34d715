// Where a server listens.
#pragma once

#include <string>
#include <string_view>

namespace lathe::server {

// Throws InvalidArgument (U010) unless `address` is HOST:PORT, [IPV6]:PORT or unix:PATH.
void check_address_form(const std::string& address);
// The same, and IoError (R025) for a socket file that a server answers on: gRPC would take it away
// from it.
void check_address(const std::string& address);

// Whether only this machine can reach it: a socket file, localhost, 127.0.0.0/8 or ::1.
bool is_local(const std::string& address);

// Whether nobody else can have this name of a Host header be an address of this machine, as pages
// do whose name turns into one (DNS rebinding): numbers, `localhost`, names without a dot.
bool is_own_name(std::string_view host);

// Takes the socket file of a unix address away: who comes anew is told at once that nobody is
// there, and can go elsewhere, while connections that are open live on. Nothing can be done for
// TCP.
void leave_address(const std::string& address);

// The same address with the port that was chosen.
std::string with_port(const std::string& address, int port);

}  // namespace lathe::server
