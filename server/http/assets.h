// Files that are part of the program.
#pragma once

#include <string>
#include <string_view>

namespace lathe::server {

std::string docs_page(bool tokens);    // HTML; whether calls need a token, for which it then asks
std::string_view docs_token_script();  // by this
std::string_view docs_script_gzip();   // what draws it, compressed
std::string_view
docs_content_policy();  // what a browser lets the page do: nothing leaves this server

}  // namespace lathe::server
