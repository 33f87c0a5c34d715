// lathe serve MODEL|REPOSITORY: the same server as lathed.
#include "lathe/server/serve.h"

#include "lathe/cli/command.h"
#include "lathe/ml/core/error.h"

namespace lathe {

void add_serve(CLI::App& app) {
  auto options = std::make_shared<server::ServeOptions>();
  auto* command = app.add_subcommand("serve", "serve a model file or a model repository over gRPC");
  command->add_option("MODEL,--model-repository", options->models,
                      "a .lathe file, or a folder of NAME/VERSION/model.lathe");
  server::add_flags(*command, *options);
  command->callback([options, command] {
    if (options->models.empty() && options->config.empty()) {
      throw InvalidArgument("U001", "MODEL is not given: there is nothing to serve",
                            "a .lathe file, or a folder of NAME/VERSION/model.lathe");
    }
    int status = exit_ok;
    try {
      server::finish_flags(*command, *options);
      status = server::serve(*options);
    } catch (const Error& error) {
      report(error);
      status = server::exit_status(error);  // as lathed, whichever file is at fault
    }
    if (status != exit_ok) throw Exit{status};
  });
}

}  // namespace lathe
