"""What takes too long for a test: lathed over millions of requests, a thousand reloads, and overload.

    soak.py BIN [--requests N] [--reloads N] [--rate R]

BIN holds lathe, lathed and serving_load of a Release build. Exit status 1 if a request failed, or if
memory grew, or the 99th percentile of latency rose, beyond the bounds.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                                "benchmarks", "serving"))
from serving import Server, give_way, load, make_messages, write_csv, write_linear

MEMORY_GROWTH = 1.05  # of the resident memory, once warm
P99_RISE = 1.3        # while models are reloaded, over the steady one
P99_OVERLOADED = 2.0  # of what is accepted at thrice the rate that it can do, over that at a full queue
ROUNDS = 5
QUEUE = 4


class Soak:
    def __init__(self, binaries, folder):
        self.bin = binaries
        self.folder = folder
        self.messages = make_messages(folder)
        self.failed = False
        self.version = 1
        self.models = [self.fit(offset) for offset in (0.5, 1.5)]
        self.add(self.version)
        self.add_heavy()
        self.server = Server([self.program("lathed"), "--http-address", "none",
                              "--model-repository", self.path("models"),
                              "--grpc-address", "unix:" + self.path("socket"),
                              "--max-queue", str(QUEUE)])

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def program(self, name):
        return os.path.join(self.bin, name)

    def fit(self, offset):
        model = self.path(f"offset{offset}.lathe")
        write_linear(self.path("linear.csv"), offset)
        subprocess.run([self.program("lathe"), "fit", self.path("linear.csv"), "--target", "y",
                        "--pipeline", "linear_regression", "--output", model],
                       stdout=subprocess.DEVNULL, check=True)
        return model

    def add_heavy(self):
        """A model of which a request takes about a millisecond."""
        numbers = random.Random(3)
        names = [f"x{j}" for j in range(300)]
        write_csv(self.path("heavy.csv"), names,
                  [[numbers.uniform(-1, 1) for _ in names] for _ in range(330)])
        os.makedirs(self.path("models", "heavy", "1"))
        subprocess.run([self.program("lathe"), "fit", self.path("heavy.csv"), "--pipeline",
                        "pca(n_components=300) | kmeans(n_clusters=2)", "--output",
                        self.path("models", "heavy", "1", "model.lathe")],
                       stdout=subprocess.DEVNULL, check=True)
        request = self.messages.ModelInferRequest(model_name="heavy")
        request.inputs.add(name="x", datatype="UINT8", shape=[500, 300])  # many rows in few bytes
        request.raw_input_contents.append(bytes(i % 251 for i in range(500 * 300)))
        with open(self.path("heavy.request"), "wb") as file:
            file.write(request.SerializeToString())

    def add(self, version):
        """A version that appears whole."""
        made = self.path("made")
        os.makedirs(made)
        os.makedirs(self.path("models", "linear"), exist_ok=True)
        shutil.copy(self.models[version % 2], os.path.join(made, "model.lathe"))
        os.rename(made, self.path("models", "linear", str(version)))

    def load(self, *options):
        return load(self.program("serving_load"), self.server.address, *options)

    def verdict(self, what, value, bound):
        reached = value <= bound
        self.failed |= not reached
        print(f"{what}: {value:.3f}, at most {bound} wanted: {'reached' if reached else 'MISSED'}")

    def memory_after_each(self, parts, replies):
        """KiB resident after each of `parts` loads, unary and streamed in turn."""
        memory = []
        for part in range(parts):
            self.load("--replies", replies, "--in-flight", 64, "--channels", 4, "--same-bits",
                      "--rpc", ("infer", "stream")[part % 2])
            memory.append(self.server.rss_kib())
        return memory

    def requests(self, count):
        """The heap takes some dozens of connections, whatever they ask, to come to its size."""
        parts = 20
        warm = self.memory_after_each(parts, count // parts // 10)
        memory = self.memory_after_each(parts, count // parts)
        print(f"\n{count} requests, none failed; KiB resident after each twentieth of\n"
              f"  a tenth of that first: {warm}\n  all: {memory}")
        self.verdict("memory over the requests", memory[-1] / warm[-1], MEMORY_GROWTH)

    def reload(self, count, seconds):
        """New versions, evenly over `seconds`, each asked for until it serves."""
        give_way()
        with grpc.insecure_channel(self.server.address) as channel:
            call = channel.unary_unary(
                "/inference.GRPCInferenceService/RepositoryModelLoad",
                request_serializer=self.messages.RepositoryModelLoadRequest.SerializeToString,
                response_deserializer=self.messages.RepositoryModelLoadResponse.FromString)
            begin = time.monotonic()
            for i in range(count):
                self.version += 1
                self.add(self.version)
                call(self.messages.RepositoryModelLoadRequest(model_name="linear"), timeout=60)
                shutil.rmtree(self.path("models", "linear", str(self.version - 1)))
                time.sleep(max(0.0, begin + (i + 1) * seconds / count - time.monotonic()))

    def reloads(self, count, rate):
        """Constant load, without and with reloads, in turn."""
        each = count // ROUNDS
        seconds = max(3.0, each / 10)  # ten reloads a second
        rises, lines, memory = [], [], []
        options = ("--rate", rate, "--in-flight", 256, "--channels", 4, "--warmup-seconds", 0.3)
        for _ in range(ROUNDS):
            steady = self.load(*options, "--seconds", seconds)
            reloading = threading.Thread(target=self.reload, args=(each, seconds))
            reloading.start()
            beside = self.load(*options, "--seconds", seconds)
            reloading.join()
            memory.append(self.server.rss_kib())
            rises.append(beside["p99_us"] / steady["p99_us"])
            lines.append(f"  p99 {steady['p99_us']:.0f} us steady, {beside['p99_us']:.0f} us beside "
                         f"{each} reloads in {seconds:.0f} s ({beside['replies']} requests)")
        print(f"\n{each * ROUNDS} reloads under {rate} requests/s, none failed; version "
              f"{self.version} serves\n" + "\n".join(lines) +
              f"\n  KiB resident after each round: {memory}")
        self.verdict("p99 beside reloads over the steady one, median", statistics.median(rises),
                     P99_RISE)
        self.verdict("memory over the reloads", memory[-1] / memory[0], MEMORY_GROWTH)

    def overload(self):
        """Requests that take long, as many as fill the queue, and thrice what can be done."""
        options = ("--request", self.path("heavy.request"), "--channels", 4, "--seconds", 3,
                   "--same-bits", "--may-be-refused")
        rises, lines = [], []
        for _ in range(ROUNDS):
            full = self.load(*options, "--in-flight", os.cpu_count() + QUEUE)
            rate = 3 * full["requests_per_second"]
            over = self.load(*options, "--in-flight", 256, "--rate", rate)
            refused = over["errors"].get("RESOURCE_EXHAUSTED", 0)
            rises.append(over["p99_us"] / full["p99_us"])
            lines.append(f"  queue full: p99 {full['p99_us'] / 1e3:.1f} ms at "
                         f"{full['requests_per_second']:.0f} requests/s; {rate:.0f} offered: p99 "
                         f"{over['p99_us'] / 1e3:.1f} ms of {over['replies']}, {refused} refused")
        print(f"\noverload, a queue of {QUEUE}\n" + "\n".join(lines))
        self.verdict("p99 of what is accepted over that at a full queue, median",
                     statistics.median(rises), P99_OVERLOADED)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", help="folder of lathe, lathed and serving_load")
    parser.add_argument("--requests", type=int, default=2_000_000)
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=5000, help="requests/s beside the reloads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lathe_soak_") as folder:
        soak = Soak(os.path.abspath(options.bin), folder)
        try:
            soak.requests(options.requests)
            soak.reloads(options.reloads, options.rate)
            soak.overload()
        finally:
            status = soak.server.stop()
        print(f"\nlathed ended with exit status {status}")
        return 1 if soak.failed or status != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
