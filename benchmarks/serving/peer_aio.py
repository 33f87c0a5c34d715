"""The server that one would write in Python: grpc.aio and scikit-learn, speaking the same protocol.

    peer_aio.py ADDRESS TRAINING_CSV PROTO_FOLDER

Serves a linear regression of the table's last column as model `linear`: ServerLive, ModelInfer and
ModelStreamInfer, raw or typed FP64. Made as fast as this stack allows with the same promises: one
event loop without a pool of threads, messages by protobuf's C++ parser, cells read in place by
numpy, one thread of BLAS. scikit-learn refuses NaN, as lathed does.
"""
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # before numpy is loaded
    os.environ[variable] = "1"

import asyncio
import gc
import sys

import grpc
import numpy
from sklearn.linear_model import LinearRegression

PROTO = sys.argv[3]
sys.path.insert(0, PROTO)
import inference_pb2 as messages

LIVE = messages.ServerLiveResponse(live=True).SerializeToString()


class Service:
    def __init__(self, model, columns):
        self.model = model
        self.columns = columns

    async def live(self, request, context):
        return LIVE

    def answer(self, request):
        if request.model_name != "linear":
            raise KeyError("there is no model " + request.model_name)
        x = request.inputs[0]
        if x.datatype != "FP64" or len(x.shape) != 2 or x.shape[1] != self.columns:
            raise ValueError("x is FP64 [rows, %d]" % self.columns)
        raw = len(request.raw_input_contents) == 1
        cells = (numpy.frombuffer(request.raw_input_contents[0]) if raw
                 else numpy.array(x.contents.fp64_contents))
        predicted = self.model.predict(cells.reshape(x.shape[0], x.shape[1]))
        reply = messages.ModelInferResponse(model_name="linear", model_version="1", id=request.id)
        output = reply.outputs.add(name="predict", datatype="FP64", shape=(x.shape[0], 1))
        if raw:
            reply.raw_output_contents.append(predicted.tobytes())
        else:
            output.contents.fp64_contents.extend(predicted)
        return reply

    async def infer(self, request, context):
        try:
            return self.answer(request)
        except KeyError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def stream(self, requests, context):
        async for request in requests:
            reply = messages.ModelStreamInferResponse()
            try:
                reply.infer_response.CopyFrom(self.answer(request))
            except (KeyError, ValueError) as error:
                reply.error_message = str(error)
            yield reply


async def serve(address, service):
    parse = messages.ModelInferRequest.FromString
    handlers = {
        "ServerLive": grpc.unary_unary_rpc_method_handler(service.live),  # bytes in, bytes out
        "ModelInfer": grpc.unary_unary_rpc_method_handler(
            service.infer, parse, messages.ModelInferResponse.SerializeToString),
        "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(
            service.stream, parse, messages.ModelStreamInferResponse.SerializeToString),
    }
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1),
                                      ("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers),))
    port = server.add_insecure_port(address)
    await server.start()
    bound = address if address.startswith("unix:") else f"{address.rsplit(':', 1)[0]}:{port}"
    print("serving 1 model on " + bound, file=sys.stderr, flush=True)
    await server.wait_for_termination()


def main():
    table = numpy.loadtxt(sys.argv[2], delimiter=",", skiprows=1)
    model = LinearRegression().fit(table[:, :-1], table[:, -1])
    gc.freeze()  # what is there now is never garbage: collections become short
    asyncio.run(serve(sys.argv[1], Service(model, table.shape[1] - 1)))


main()
