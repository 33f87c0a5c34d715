"""lathed beside its own trivial call and beside grpc.aio with scikit-learn, as ratios.

    compare.py BIN [--rounds N] [--seconds S]

BIN holds lathe, lathed and serving_load of a Release build. Servers and generator share the machine,
so all are measured in turn within a round, and a figure is the median of the rounds' ratios, with the
least and the greatest. Exit status 1 if a target is missed.
"""
import argparse
import os
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import grpc

from serving import (MIXED_PIPELINE, Server, load, make_messages, mixed_request, write_linear,
                     write_mixed)

IDLE_CONNECTIONS = 500
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # and empty SETTINGS

# name, options of serving_load, whom to ask. What is divided by one another stands side by side.
LOADS = {
    "mixed 8x1": ("lathed", "--in-flight 8 --request {mixed}"),
    "live 8x1": ("lathed", "--rpc live --in-flight 8"),
    "1 row 8x1": ("lathed", "--in-flight 8"),
    "peer 8x1": ("peer", "--in-flight 8"),
    "100 rows 8x1": ("lathed", "--in-flight 8 --rows 100"),
    "live 64x4": ("lathed", "--rpc live --in-flight 64 --channels 4"),
    "1 row 64x4": ("lathed", "--in-flight 64 --channels 4"),
    "peer 64x4": ("peer", "--in-flight 64 --channels 4"),
    "1 row 64x1": ("lathed", "--in-flight 64"),
    "stream 64x1": ("lathed", "--rpc stream --in-flight 64"),
    "10000 rows 4x1": ("lathed", "--in-flight 4 --rows 10000"),
}

# what, measured, divided by, the least that is wanted
RATIOS = [
    ("one row, 8 in flight: of ServerLive", "1 row 8x1", "live 8x1", 0.85),
    ("one row, 64 in flight, 4 channels: of ServerLive", "1 row 64x4", "live 64x4", 0.85),
    ("100 rows, 8 in flight: of ServerLive", "100 rows 8x1", "live 8x1", 0.65),
    ("12 mixed columns, one row, 8 in flight: of ServerLive", "mixed 8x1", "live 8x1", 0.75),
    ("10000 rows, 4 in flight: requests/s", "10000 rows 4x1", None, 600),
    ("streaming, 64 deep: times unary", "stream 64x1", "1 row 64x1", 1.4),
    ("one row, 8 in flight: times grpc.aio + scikit-learn", "1 row 8x1", "peer 8x1", 8),
    ("one row, 64 in flight: times grpc.aio + scikit-learn", "1 row 64x4", "peer 64x4", 12),
    ("REST, one row, 8 connections: of unary gRPC", "REST 8", "1 row 8x1", 1 / 3),
]


class Bench:
    def __init__(self, binaries, folder, seconds):
        self.bin = binaries
        self.folder = folder
        self.seconds = seconds
        self.messages = make_messages(folder)
        self.mixed = self.path("mixed.request")
        self.prepare()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def program(self, name):
        return os.path.join(self.bin, name)

    def fit(self, name, pipeline):
        folder = self.path("models", name, "1")
        os.makedirs(folder)
        subprocess.run([self.program("lathe"), "fit", self.path(name + ".csv"), "--target", "y",
                        "--pipeline", pipeline, "--output", os.path.join(folder, "model.lathe")],
                       stdout=subprocess.DEVNULL, check=True)

    def prepare(self):
        write_linear(self.path("linear.csv"))
        write_mixed(self.path("mixed.csv"))
        self.fit("linear", "linear_regression")
        self.fit("mixed", MIXED_PIPELINE)
        with open(self.mixed, "wb") as file:
            file.write(mixed_request(self.messages).SerializeToString())

    def lathed(self, name, *options):
        command = [self.program("lathed"), "--model-repository", self.path("models"),
                   "--grpc-address", "unix:" + self.path(name), *options]
        if "--http-address" not in options:
            command += ["--http-address", "none"]
        return Server(command)

    def peer(self):
        return Server([sys.executable, os.path.join(os.path.dirname(__file__), "peer_aio.py"),
                       "unix:" + self.path("peer"), self.path("linear.csv"), self.folder])

    def load(self, server, options):
        words = options.format(mixed=self.mixed).split()
        if "--seconds" not in words:
            words += ["--seconds", self.seconds]
        return load(self.program("serving_load"), server.address, *words)


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def measure_rest(bench, address):
    """Requests per second by h2load over HTTP/1.1; all must be answered with 200."""
    cells = ",".join(str(i * 7919 % 20011 / 10005.5 - 1) for i in range(20))
    body = bench.path("rest.json")
    with open(body, "w", encoding="ascii") as file:
        file.write('{"inputs":[{"name":"x","shape":[1,20],"datatype":"FP64","data":[%s]}]}' % cells)
    said = subprocess.run(
        ["h2load", "--h1", "-c", "8", "-t", "1", "-D", f"{round(1e3 * bench.seconds)}ms", "--warm-up-time=200ms",
         "-d", body, "-H", "content-type: application/json",
         f"http://{address}/v2/models/linear/infer"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    rate = float(re.search(r"finished in [^,]+, ([\d.]+) req/s", said)[1])
    good, *others = map(int, re.findall(r"(\d+) [2345]xx", said))
    if good == 0 or any(others):
        raise SystemExit("REST: not all answered with 200:\n" + said)
    return rate


def measure_rounds(bench, rounds):
    rest_address = f"127.0.0.1:{free_port()}"
    servers = {"lathed": bench.lathed("lathed", "--http-address", rest_address),
               "peer": bench.peer()}
    try:
        for server in servers.values():  # equal answers, or the comparison means nothing
            bench.load(server, "--seconds 0.1 --same-bits")
        agree(bench, servers)
        rates = {name: [] for name in [*LOADS, "REST 8"]}
        for i in range(rounds):
            print(f"round {i + 1} of {rounds}", file=sys.stderr)
            for name, (whom, options) in LOADS.items():
                rates[name].append(bench.load(servers[whom], options)["requests_per_second"])
            rates["REST 8"].append(measure_rest(bench, rest_address))
    finally:
        for server in servers.values():
            server.stop()
    return rates


def agree(bench, servers):
    """Both servers predict the same for the same rows."""
    cells = [((7 * i) % 11) / 4 - 1 for i in range(60)]
    request = bench.messages.ModelInferRequest(model_name="linear")
    request.inputs.add(name="x", datatype="FP64", shape=[3, 20])
    request.raw_input_contents.append(struct.pack("<60d", *cells))
    answers = []
    for server in servers.values():
        with grpc.insecure_channel(server.address) as channel:
            reply = channel.unary_unary(
                "/inference.GRPCInferenceService/ModelInfer",
                request_serializer=bench.messages.ModelInferRequest.SerializeToString,
                response_deserializer=bench.messages.ModelInferResponse.FromString)(request)
        answers.append(struct.unpack("<3d", reply.raw_output_contents[0]))
    if any(abs(a - b) > 1e-9 for a, b in zip(*answers)):
        raise SystemExit(f"the servers disagree: {answers}")


def start_milliseconds(bench, rounds):
    """From before the process exists until it says that it serves, with one model."""
    times = []
    shutil.move(bench.path("models", "mixed"), bench.path("mixed"))
    for i in range(rounds):
        before = time.monotonic()
        server = bench.lathed(f"start{i}")
        times.append(1e3 * (time.monotonic() - before))
        bench.load(server, "--rpc live --replies 1 --in-flight 1 --warmup-seconds 0")
        server.stop()
    shutil.move(bench.path("mixed"), bench.path("models", "mixed"))
    return times


def idle_connection_kib(bench):
    """What one connection more costs the server that has been asked before."""
    server = bench.lathed("idle")
    sockets = []
    try:
        bench.load(server, "--seconds 0.3 --in-flight 64 --channels 4")
        before = server.rss_kib()
        for _ in range(IDLE_CONNECTIONS):
            client = socket.socket(socket.AF_UNIX)
            client.connect(server.address.removeprefix("unix:"))
            client.sendall(PREFACE)
            client.recv(9, socket.MSG_WAITALL)  # the head of the server's SETTINGS: it is set up
            sockets.append(client)
        return (server.rss_kib() - before) / IDLE_CONNECTIONS
    finally:
        for client in sockets:
            client.close()
        server.stop()


def stripped_mib(bench):
    """lathed with those shared libraries that are ours."""
    lathed = bench.program("lathed")
    used = subprocess.run(["ldd", lathed], stdout=subprocess.PIPE, text=True, check=True).stdout
    total = 0
    for file in [lathed] + re.findall(r"=> (\S*/liblathe_\S+)", used):
        stripped = bench.path("stripped")
        subprocess.run(["strip", "-o", stripped, file], check=True)
        total += os.path.getsize(stripped)
    return total / 2**20


class Table:
    def __init__(self):
        self.failed = False
        print(f"{'':56}{'median':>9}{'least':>9}{'greatest':>9}{'target':>10}")

    def row(self, what, values, target, at_least=True):
        middle = statistics.median(values)
        reached = middle >= target if at_least else middle <= target
        self.failed |= not reached
        bound = (">= " if at_least else "<= ") + f"{target:.3g}"
        cells = "".join(f"{value:9.3g}" if value < 1000 else f"{value:9.0f}"
                        for value in (middle, min(values), max(values)))
        print(f"{what:56}{cells}{bound:>10}  {'reached' if reached else 'MISSED'}")


def print_table(bench, rates, start, idle, size):
    print("\nrequests/s, median of the rounds: " + ", ".join(
        f"{name} {statistics.median(values):.0f}" for name, values in rates.items()) + "\n")
    table = Table()
    for what, measured, divisor, target in RATIOS:
        values = rates[measured]
        if divisor is not None:
            values = [a / b for a, b in zip(values, rates[divisor])]
        table.row(what, values, target)
    table.row("start to ready, one model: ms", start, 100, at_least=False)
    table.row("lathed and its own libraries, stripped: MiB", [size], 20, at_least=False)
    table.row(f"an idle connection, one of {IDLE_CONNECTIONS}: KiB", [idle], 25, at_least=False)
    print("memory over 2 million requests and 1000 reloads: ./dev soak")
    return table.failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", help="folder of lathe, lathed and serving_load")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lathe_bench_") as folder:
        bench = Bench(os.path.abspath(options.bin), folder, options.seconds)
        start = start_milliseconds(bench, max(options.rounds, 5))
        idle = idle_connection_kib(bench)
        size = stripped_mib(bench)
        rates = measure_rounds(bench, options.rounds)
        return print_table(bench, rates, start, idle, size)


if __name__ == "__main__":
    sys.exit(main())
