// All generated code but one file's messages (two such files cannot be one translation unit):
// gRPC's headers take longer to compile than what is generated.
// NOLINTBEGIN(bugprone-suspicious-include)
#include "lathe/proto/inference.grpc.pb.cc"
#include "lathe/proto/inference.pb.cc"
#include "lathe/proto/model_repository.grpc.pb.cc"
// NOLINTEND(bugprone-suspicious-include)
