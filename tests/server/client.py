"""lathed as a client sees it that shares no code with it: starts it on a free port, asks every kind
of question through python3-grpcio, replaces a version under it, and stops it by SIGTERM.

Exit status 77 (not run) where grpc is not installed.
"""
import argparse
import importlib
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

try:
    import google.protobuf
    import grpc
except ImportError as error:
    print(f"not run: {error}")
    sys.exit(77)

TIMEOUT = 30
SERVICE = "/inference.GRPCInferenceService/"


def load_messages(protoc, proto, folder):
    subprocess.run([protoc, "-I" + os.path.dirname(proto), "--python_out=" + folder, proto],
                   check=True)
    sys.path.insert(0, folder)
    return importlib.import_module("inference_pb2")


class Daemon:
    """A running lathed, and the address it says it listens on."""

    def __init__(self, program, repository, *flags, address="127.0.0.1:0", **process):
        self.process = subprocess.Popen(
            [program, "--model-repository", repository, "--grpc-address", address,
             "--http-address", "127.0.0.1:0", "--poll-seconds", "0.05", *flags],
            stderr=subprocess.PIPE, text=True, **process)
        for line in self.process.stderr:
            found = re.search(r"serving (\d+) models? on (\S+)", line)
            if found:
                self.models, self.address = int(found[1]), found[2]
                return
        raise SystemExit("lathed ended without saying that it serves")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self):
        """Its exit status and the rest of its log; one that does not end is killed."""
        late = threading.Timer(TIMEOUT, self.process.kill)
        late.start()
        log = self.process.stderr.read()
        late.cancel()
        return self.process.wait(TIMEOUT), log

    def wait_for(self, words):
        return any(words in line for line in self.process.stderr)

    def stop_twice(self):
        self.process.send_signal(signal.SIGTERM)
        self.wait_for("stopping")
        time.sleep(0.5)  # what comes at once is taken for the same request
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT)


class Client:
    def __init__(self, address, messages, credentials=None):
        self.channel = (grpc.secure_channel(address, credentials) if credentials
                        else grpc.insecure_channel(address))
        self.messages = messages

    def call(self, name, request):
        reply = getattr(self.messages, name + "Response")
        method = self.channel.unary_unary(
            SERVICE + name, request_serializer=type(request).SerializeToString,
            response_deserializer=reply.FromString)
        return method(request, timeout=TIMEOUT)

    def replies(self, requests):
        method = self.channel.stream_stream(
            SERVICE + "ModelStreamInfer",
            request_serializer=self.messages.ModelInferRequest.SerializeToString,
            response_deserializer=self.messages.ModelStreamInferResponse.FromString)
        return method(iter(requests), timeout=TIMEOUT)


def linear_request(messages, rows, raw):
    request = messages.ModelInferRequest(model_name="linear", id="7")
    x = request.inputs.add(name="x", datatype="FP64", shape=[len(rows), 20])
    cells = [cell for row in rows for cell in row]
    if raw:
        request.raw_input_contents.append(struct.pack(f"<{len(cells)}d", *cells))
    else:
        x.contents.fp64_contents.extend(cells)
    return request


def expected(row, offset=0.5):
    return sum((j + 1) * cell for j, cell in enumerate(row)) + offset


def near(a, b):
    return len(a) == len(b) and all(abs(p - q) < 1e-9 for p, q in zip(a, b))


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    check.failed += not holds


check.failed = 0


def check_linear(client):
    messages = client.messages
    rows = [[((7 * i + 3 * j) % 11) / 4 - 1 for j in range(20)] for i in range(5)]
    raw = client.call("ModelInfer", linear_request(messages, rows, True))
    values = list(struct.unpack("<5d", raw.raw_output_contents[0]))
    check("raw rows give X w + b", near(values, [expected(row) for row in rows]))
    check("id, name and version", (raw.id, raw.model_name, raw.model_version) ==
          ("7", "linear", "1"))
    typed = client.call("ModelInfer", linear_request(messages, rows, False))
    check("typed in, typed out, same numbers",
          list(typed.outputs[0].contents.fp64_contents) == values and not typed.raw_output_contents)
    replies = client.replies([linear_request(messages, rows[:n], True) for n in (1, 2, 3)])
    check("a stream is answered in order",
          [reply.infer_response.outputs[0].shape[0] for reply in replies] == [1, 2, 3])
    try:
        client.call("ModelInfer", linear_request(messages, [row[:19] for row in rows], True))
        check("a short body is refused", False)
    except grpc.RpcError as error:
        check("a short body is refused", error.code() == grpc.StatusCode.INVALID_ARGUMENT)


def check_species(client):
    request = client.messages.ModelInferRequest(model_name="species")
    for name, datatype, field, cells in (
            ("mass", "FP64", "fp64_contents", [3000.0, 4800.0, float("nan")]),
            ("island", "BYTES", "bytes_contents", [b"Biscoe", b"Dream", b""]),
            ("length", "FP32", "fp32_contents", [30.0, 42.0, 42.0])):
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[3])
        getattr(tensor.contents, field).extend(cells)
    reply = client.call("ModelInfer", request)
    check("columns by name, text and missing cells",
          list(reply.outputs[0].contents.bytes_contents)[:2] == [b"Gentoo", b"Chinstrap"])
    proba = reply.outputs[1]
    check("probabilities", proba.name == "predict_proba" and list(proba.shape) == [3, 3])


def check_reload(client, make_models, repository):
    staged = os.path.join(repository, "linear", ".staged")
    subprocess.run([make_models, staged, "100"], check=True)
    os.rename(staged, os.path.join(repository, "linear", "2"))
    zeros = linear_request(client.messages, [[0.0] * 20], False)
    last = time.monotonic() + TIMEOUT
    while time.monotonic() < last:
        reply = client.call("ModelInfer", zeros)
        if reply.model_version == "2":
            break
    check("a new version serves",
          near(reply.outputs[0].contents.fp64_contents, [100.0]) and reply.model_version == "2")


def refusal(client, name, request):
    try:
        client.call(name, request)
    except grpc.RpcError as error:
        return error.code()
    return None


def check_tls_and_tokens(lathed, repository, folder, messages):
    def path(name):
        return os.path.join(folder, name)

    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=lathed",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path("key.pem"), "-out",
                    path("cert.pem")], check=True, capture_output=True)
    with open(os.open(path("tokens"), os.O_WRONLY | os.O_CREAT, 0o600), "w",
              encoding="ascii") as file:
        file.write("predict reader-0123456789abcdef\nadmin master-0123456789abcdef\n")
    daemon = Daemon(lathed, repository, "--tls-cert", path("cert.pem"), "--tls-key",
                    path("key.pem"), "--token-file", path("tokens"))
    try:
        with open(path("cert.pem"), "rb") as file:
            tls = grpc.ssl_channel_credentials(file.read())

        def client(token):
            return Client(daemon.address, messages, grpc.composite_channel_credentials(
                tls, grpc.access_token_call_credentials(token)))

        load = messages.RepositoryModelLoadRequest(model_name="linear")
        reader = client("reader-0123456789abcdef")
        check_linear(reader)
        check("who only predicts loads nothing", refusal(
            reader, "RepositoryModelLoad", load) == grpc.StatusCode.PERMISSION_DENIED)
        check("an admin loads", refusal(
            client("master-0123456789abcdef"), "RepositoryModelLoad", load) is None)
        request = linear_request(messages, [[0.0] * 20], True)
        check("an unknown token is refused", refusal(
            client("nobody-0123456789abcdef"), "ModelInfer",
            request) == grpc.StatusCode.UNAUTHENTICATED)
        check("no token is refused", refusal(
            Client(daemon.address, messages, tls), "ModelInfer",
            request) == grpc.StatusCode.UNAUTHENTICATED)
        status, log = daemon.stop()
        check("no token is in the log", status == 0 and "0123456789abcdef" not in log)
    finally:
        daemon.process.kill()


def check_second_signal(lathed, model, messages):
    """A stream that never ends holds up the first signal, so only the second can end the server."""
    daemon = Daemon(lathed, model)
    client = Client(daemon.address, messages)
    request = linear_request(messages, [[0.0] * 20], True)
    answered = threading.Event()

    def ask():
        try:
            for _ in client.replies(request for _ in iter(int, 1)):
                answered.set()
        except grpc.RpcError:
            pass  # the end of the server is what is waited for

    asking = threading.Thread(target=ask)
    asking.start()
    answered.wait(TIMEOUT)
    check("a bare file is served under its name", answered.is_set())
    check("a second signal ends it at once", daemon.stop_twice() == 130)
    asking.join()


def check_restarts(lathed, model, messages):
    """Clients that keep asking while it is restarted, and wait while nobody listens, lose no call."""
    daemon = Daemon(lathed, model)
    request = linear_request(messages, [[0.0] * 20], True)
    lock, stop = threading.Lock(), threading.Event()
    answered, failures = [0], []

    def ask():
        # Each with a connection of its own, looked for often.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.min_reconnect_backoff_ms", 100),
                   ("grpc.initial_reconnect_backoff_ms", 100),
                   ("grpc.max_reconnect_backoff_ms", 100)]
        with grpc.insecure_channel(daemon.address, options=options) as channel:
            call = channel.unary_unary(SERVICE + "ModelInfer",
                                       messages.ModelInferRequest.SerializeToString)
            while not stop.is_set():
                try:
                    call(request, timeout=TIMEOUT, wait_for_ready=True)
                    with lock:
                        answered[0] += 1
                except grpc.RpcError as error:
                    failures.append(f"{error.code()}: {error.details()}")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    statuses = []
    for _ in range(3):
        wanted = answered[0] + 200
        while answered[0] < wanted and not failures:
            time.sleep(0.01)
        statuses.append(daemon.stop()[0])
        daemon = Daemon(lathed, model, address=daemon.address)
    stop.set()
    for thread in threads:
        thread.join()
    daemon.stop()
    check(f"restarts lose no call {failures[:3]}", statuses == [0, 0, 0] and not failures)


def check_stop_while_loading(lathed, model, folder):
    for i in range(3000):
        os.makedirs(f"{folder}/m{i}/1")
        os.link(model, f"{folder}/m{i}/1/model.lathe")
    process = subprocess.Popen(
        [lathed, "--model-repository", folder, "--grpc-address", "127.0.0.1:0", "--http-address",
         "none"], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "loading" in line:
            break
    process.send_signal(signal.SIGTERM)
    log = process.stderr.read()
    check("SIGTERM is heard while models are loaded",
          process.wait(TIMEOUT) == 0 and "nothing is served yet" in log)


def check_echo(lathed, model):
    """As of timeout(1), which signals the process and then its group."""
    daemon = Daemon(lathed, model)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGINT)
    status, log = daemon.end()
    check("two signals at once are one request to stop", status == 0 and "stopped" in log)


def check_folder_of_versions(lathed, folder):
    process = subprocess.Popen(
        [lathed, "--model-repository", folder, "--grpc-address", "127.0.0.1:0", "--http-address",
         "none"], stderr=subprocess.PIPE, text=True)
    lines = ""
    for line in process.stderr:
        lines += line
        if "serving" in line:
            break
    process.terminate()
    process.communicate()
    check("the folder of one model is told from that of all",
          "give the folder above" in lines and "serving 0 models" in lines)


def check_supervisor(lathed, model, folder):
    """What systemd hears, and that the limit of open files is the hard one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(folder + "/notify.socket")
        supervisor.settimeout(TIMEOUT)
        daemon = Daemon(lathed, model, env={**os.environ, "NOTIFY_SOCKET": folder + "/notify.socket"},
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 1000)))
        check("it says when it serves", supervisor.recv(100) == b"READY=1")
        limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        check("files may be open up to the hard limit", limits == (1000, 1000))
        daemon.stop()
        check("and when it stops", supervisor.recv(100) == b"STOPPING=1")


def check_hangup(lathed, model):
    """SIGHUP of a supervisor, of a terminal, and of one that nohup had ignored."""
    daemon = Daemon(lathed, model, start_new_session=True)
    daemon.process.send_signal(signal.SIGHUP)
    check("without a terminal it reads again", daemon.wait_for("is looked at now"))
    status, log = daemon.stop()
    check("and goes on until SIGTERM", status == 0 and "stopped" in log)

    ours, terminal = os.openpty()
    # In a session of its own the first terminal that it opens becomes its own.
    daemon = Daemon(lathed, model, start_new_session=True,
                    preexec_fn=lambda: os.close(os.open(os.ttyname(terminal), os.O_RDWR)))
    os.close(terminal)
    os.close(ours)
    status, log = daemon.end()
    check("a terminal that hangs up ends it well", status == 0 and "stopped" in log)

    daemon = Daemon(lathed, model, start_new_session=True,
                    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    daemon.process.send_signal(signal.SIGHUP)
    status, log = daemon.stop()
    check("under nohup it does neither", status == 0 and "SIGHUP" not in log)


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--lathed", "--make-models", "--protoc", "--proto"):
        arguments.add_argument(name, required=True)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        messages = load_messages(options.protoc, options.proto, folder)
        repository = os.path.join(folder, "repository")
        subprocess.run([options.make_models, repository], check=True)
        daemon = Daemon(options.lathed, repository)
        try:
            check("two models are served", daemon.models == 2)
            client = Client(daemon.address, messages)
            check("it is ready",
                  client.call("ServerReady", messages.ServerReadyRequest()).ready)
            check_linear(client)
            check_species(client)
            check_tls_and_tokens(options.lathed, repository, folder, messages)
            check_reload(client, options.make_models, repository)
            again = subprocess.run([options.lathed, "--model-repository", repository,
                                    "--grpc-address", daemon.address, "--http-address", "none"],
                                   stderr=subprocess.PIPE, text=True)
            check("a second one on the same port is an error",
                  again.returncode == 5 and "cannot listen on" in again.stderr)
            status, log = daemon.stop()
            check("SIGTERM ends it well", status == 0 and "stopped" in log)
        finally:
            daemon.process.kill()
        bare = os.path.join(folder, "linear.lathe")
        shutil.copy(os.path.join(repository, "linear", "2", "model.lathe"), bare)
        check_second_signal(options.lathed, bare, messages)
        check_stop_while_loading(options.lathed, bare, os.path.join(folder, "many"))
        check_supervisor(options.lathed, bare, folder)
        check_echo(options.lathed, bare)
        check_folder_of_versions(options.lathed, os.path.join(repository, "linear"))
        check_hangup(options.lathed, bare)
        check_restarts(options.lathed, bare, messages)
        with open(bare, "r+b") as file:
            file.truncate(100)
        bad = subprocess.run([options.lathed, "--model-repository", bare],
                             stderr=subprocess.PIPE, text=True)
        check("a bare file that is no model is an error",
              bad.returncode == 4 and " linear.lathe is damaged" in bad.stderr)
        bad = subprocess.run([options.lathed, "--model-repository", folder + "/none"],
                             stderr=subprocess.PIPE, text=True)
        check("a missing folder is an error", bad.returncode == 5 and "none" in bad.stderr)
        check("a wrong flag is a usage error",
              subprocess.run([options.lathed, "--port", "1"], capture_output=True).returncode == 2)
    print("all good" if check.failed == 0 else f"{check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
