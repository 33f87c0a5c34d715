// lathe serve MODEL|REPOSITORY: the same server as lathed.
#include "lathe/server/serve.h"

#include "lathe/cli/command.h"

namespace lathe {

void add_serve(CLI::App& app) {
  auto options = std::make_shared<server::ServeOptions>();
  auto* command = app.add_subcommand("serve", "serve a model file or a model repository over gRPC");
  command->add_option("MODEL,--model-repository", options->models,
                      "a .lathe file, or a folder of NAME/VERSION/model.lathe");
  server::add_flags(*command, *options);
  command->callback([options, command] {
    server::finish_flags(*command, *options);
    const int status = server::serve(*options);
    if (status != exit_ok) throw Exit{status};
  });
}

}  // namespace lathe
