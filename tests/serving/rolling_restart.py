"""Two replicas of lathed behind nginx, with the configuration that deploy/ has, are restarted one after
the other while a client that shares no code with them keeps asking: no request may fail.

Exit status 77 (not run) where nginx or grpc is not installed.
"""
import argparse
import importlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

try:
    import grpc
except ImportError as error:
    print(f"not run: {error}")
    sys.exit(77)
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
if NGINX is None:
    print("not run: there is no nginx")
    sys.exit(77)

TIMEOUT = 30
SERVICE = "/inference.GRPCInferenceService/"
GRACE = 3  # seconds; that of nginx's connections is far below
KEEPALIVE = "200ms"
ROUNDS = 2
THREADS = 4


def load_messages(protoc, proto, folder):
    subprocess.run([protoc, "-I" + os.path.dirname(proto), "--python_out=" + folder, proto],
                   check=True)
    sys.path.insert(0, folder)
    return importlib.import_module("inference_pb2")


class Replica:
    def __init__(self, program, repository, socket):
        self.command = [program, "--model-repository", repository, "--grpc-address",
                        "unix:" + socket, "--http-address", "none",
                        "--grace-seconds", str(GRACE)]
        self.socket = socket
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "serving 2 models" in line:
                return
        raise SystemExit("lathed ended without saying that it serves")

    def restart(self):
        """The exit status of the old process."""
        self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        status = self.process.wait(TIMEOUT)
        self.start()
        return status

    def answered(self, messages):
        with grpc.insecure_channel("unix:" + self.socket) as channel:
            call = channel.unary_unary(SERVICE + "ModelStatistics",
                                       messages.ModelStatisticsRequest.SerializeToString,
                                       messages.ModelStatisticsResponse.FromString)
            reply = call(messages.ModelStatisticsRequest(name="linear"), timeout=TIMEOUT)
        return reply.model_stats[0].inference_stats.success.count


def replace(text, old, new):
    if text.count(old) != 1:
        raise SystemExit(f"deploy/nginx/lathe.conf does not have {old!r} once")
    return text.replace(old, new)


def configure(conf, folder):
    """Writes nginx.conf around the shipped one, whose paths and times become the test's."""
    with open(conf, encoding="utf-8") as file:
        text = file.read()
    for name in ("a", "b"):
        text = replace(text, f"/run/lathed/{name}.sock", f"{folder}/{name}.sock")
    text = replace(text, "listen 127.0.0.1:8001 http2", f"listen unix:{folder}/front.sock http2")
    text = replace(text, "keepalive_time 3s", f"keepalive_time {KEEPALIVE}")
    text = replace(text, "keepalive_timeout 3s", f"keepalive_timeout {KEEPALIVE}")
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"daemon off; pid {folder}/nginx.pid; worker_processes 2;\n"
                   f"error_log {folder}/error.log;\n"
                   "events { worker_connections 512; }\n"
                   "http {\n" +
                   "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in
                           ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) +
                   text + "}\n")
    return path


class Front:
    """nginx, on a socket in `folder`."""

    def __init__(self, conf, folder):
        self.command = [NGINX, "-p", folder, "-e", folder + "/error.log", "-c",
                        configure(conf, folder)]
        subprocess.run(self.command + ["-t", "-q"], check=True)
        self.process = subprocess.Popen(self.command)
        self.channel_target = f"unix:{folder}/front.sock"

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.terminate()


class Load(threading.Thread):
    """Asks until it is told to stop, each answer checked."""

    def __init__(self, target, messages, stop):
        super().__init__()
        self.target, self.messages, self.stop = target, messages, stop
        self.answered, self.failures = 0, []

    def run(self):
        row = [j / 4 for j in range(20)]
        request = self.messages.ModelInferRequest(model_name="linear")
        request.inputs.add(name="x", datatype="FP64", shape=[1, 20])
        request.raw_input_contents.append(struct.pack("<20d", *row))
        wanted = sum((j + 1) * cell for j, cell in enumerate(row)) + 0.5
        # Each thread has a connection of its own, and sees the failures that a retry would hide.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        with grpc.insecure_channel(self.target, options=options) as channel:
            call = channel.unary_unary(SERVICE + "ModelInfer",
                                       self.messages.ModelInferRequest.SerializeToString,
                                       self.messages.ModelInferResponse.FromString)
            call(request, timeout=TIMEOUT, wait_for_ready=True)  # nginx may still be starting
            while not self.stop.is_set():
                try:
                    reply = call(request, timeout=TIMEOUT)
                    (value,) = struct.unpack("<d", reply.raw_output_contents[0])
                    if abs(value - wanted) > 1e-9:
                        self.failures.append(f"answered {value}, not {wanted}")
                    self.answered += 1
                except grpc.RpcError as error:
                    self.failures.append(f"{error.code()}: {error.details()}")


def wait_for_answers(loads):
    """Until the clients have been busy again, so that each replica has had its share."""
    for load in loads:
        wanted = load.answered + 200
        while load.is_alive() and load.answered < wanted and len(load.failures) < 1000:
            time.sleep(0.01)


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--lathed", "--make-models", "--protoc", "--proto", "--conf"):
        arguments.add_argument(name, required=True)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # the workers of nginx may be another user
        messages = load_messages(options.protoc, options.proto, folder)
        repository = os.path.join(folder, "models")
        subprocess.run([options.make_models, repository], check=True)
        os.umask(0)  # and must be able to connect to the sockets
        replicas = [Replica(options.lathed, repository, f"{folder}/{name}.sock")
                    for name in ("a", "b")]
        stop = threading.Event()
        front = None
        loads = []
        try:
            front = Front(options.conf, folder)
            loads = [Load(front.channel_target, messages, stop) for _ in range(THREADS)]
            for load in loads:
                load.start()
            statuses = []
            shares = []
            for _ in range(ROUNDS):
                for replica in replicas:
                    wait_for_answers(loads)
                    shares.append(replica.answered(messages))
                    statuses.append(replica.restart())
            stop.set()
            for load in loads:
                load.join()
        finally:
            stop.set()
            if front is not None:
                front.stop()
            for replica in replicas:
                replica.process.kill()
                replica.process.wait()
        answered = sum(load.answered for load in loads)
        failures = [failure for load in loads for failure in load.failures]
        print(f"{len(statuses)} restarts, {answered} requests answered, {len(failures)} failed; "
              f"answered by each replica before it was restarted: {shares}")
        for failure in failures[:10]:
            print("FAIL " + failure)
        if any(statuses):
            print(f"FAIL exit statuses {statuses}")
        if not all(shares):
            print("FAIL a replica answered nothing, so nothing was balanced")
        if failures:
            with open(folder + "/error.log", encoding="utf-8") as file:
                print("".join(file.readlines()[-10:]))
        return 1 if failures or any(statuses) or not all(shares) else 0


if __name__ == "__main__":
    sys.exit(main())
