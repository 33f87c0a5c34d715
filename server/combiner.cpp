// When a second thread comes to a connection that one is at work on, gRPC hands what is left of
// that work to a third, of its executor, if it has one. Where two threads answer all calls that
// costs more than it gains: without it a stream does 1.4 times as much, 8 unary calls at once 1.25
// times, with a quarter fewer switches between threads. gRPC 1.51 has no option for it; but whether
// there is an executor is a function that it calls here only, and the linker finds that of the
// program first. If it is not called, or not found, all is as gRPC has it. Part of lathe and
// lathed, not of lathe::server: the gRPC of other programs is theirs.
#include <grpc/support/cpu.h>

namespace grpc_core {

class Executor {
 public:
  static bool IsThreadedDefault();
};

bool Executor::IsThreadedDefault() {
  constexpr unsigned most_of_two = 5;  // CPUs for which gRPC has two threads; of more, one for two
  static const bool many = gpr_cpu_num_cores() > most_of_two;
  return many;
}

}  // namespace grpc_core
