"""lathed over HTTP as curl sees it: health, metadata, JSON and binary tensors, rows, metrics, tokens, a
compressed and a large body, TLS, and the end."""

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

TIMEOUT = "60"
SKIP = 77


def check(what, holds, detail=""):
    print(("ok   " if holds else "FAIL ") + what + ("" if holds else f": {detail}"))
    check.failed += not holds


check.failed = 0


class Daemon:
    def __init__(self, program, repository, *flags):
        self.process = subprocess.Popen(
            [program, "--model-repository", repository, "--grpc-address", "127.0.0.1:0",
             "--http-address", "127.0.0.1:0", *flags], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"HTTP on (\S+)", line)
            if found:
                self.address = found[1]
                return
        raise SystemExit("lathed ended without saying that it serves")

    def stop(self):
        self.process.terminate()
        status = self.process.wait()
        self.process.stderr.close()
        return status


def curl(*arguments, data=None):
    """Status, headers (in lower case) and body."""
    result = subprocess.run(["curl", "-sS", "-i", "-m", TIMEOUT, *arguments], input=data,
                            capture_output=True)
    if result.returncode != 0:
        return 0, {}, result.stderr
    rest = result.stdout
    while True:  # 100 Continue comes before the reply
        head, rest = rest.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        if status != 100:
            break
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return status, headers, rest


JSON = ("-H", "Content-Type: application/json", "--data-binary", "@-")


def check_reads(base):
    status, _, body = curl(base + "/v2/health/ready")
    check("it is ready", (status, json.loads(body)) == (200, {"ready": True}), body)
    check("/healthz and /readyz", curl(base + "/healthz")[0] == curl(base + "/readyz")[0] == 200)
    status, _, body = curl(base + "/v2/models/linear")
    check("metadata", json.loads(body)["inputs"][0]["shape"] == [-1, 20], body)
    status, _, body = curl("-I", base + "/v2")
    check("HEAD", status == 200 and body == b"", body)
    status, headers, body = curl(base + "/metrics")
    check("metrics", b'nv_inference_request_success{model="linear",version="1"}' in body and
          headers["content-type"].startswith("text/plain"), body[:200])
    check("gRPC's counts", b"grpc_server_handled_total{" in body)
    status, _, body = curl(base + "/nothing")
    check("404", (status, json.loads(body)["code"]) == (404, "R044"), body)


def check_infers(base):
    row = [j / 4 - 2 for j in range(20)]
    expected = sum((j + 1) * cell for j, cell in enumerate(row)) + 0.5
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 20], "data": row}
    url = base + "/v2/models/linear/infer"
    status, _, body = curl(url, *JSON, data=json.dumps({"id": "7", "inputs": [tensor]}).encode())
    reply = json.loads(body)
    check("JSON tensors", status == 200 and reply["id"] == "7" and
          abs(reply["outputs"][0]["data"][0] - expected) < 1e-9, body)
    number = reply["outputs"][0]["data"][0]

    del tensor["data"]
    tensor["parameters"] = {"binary_data_size": 160}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    status, headers, body = curl(
        url, "-H", "Content-Type: application/octet-stream", "-H",
        f"Inference-Header-Content-Length: {len(head)}", "--data-binary", "@-",
        data=head + struct.pack("<20d", *row))
    length = int(headers["inference-header-content-length"])
    check("binary tensors, the same number to the bit",
          struct.unpack("<d", body[length:])[0] == number, body)

    rows = [dict({f"x{j}": cell for j, cell in enumerate(row)}, id="a")] * 5000  # 1.5 MB
    status, _, body = curl(base + "/v2/models/linear/predict", *JSON, data=json.dumps(rows).encode())
    reply = json.loads(body)
    check("rows, of which curl asks whether they may come",
          status == 200 and reply["rows"] == [{"y": number}] * 5000 and
          reply["ignored_columns"] == ["id"], body[:300])
    status, _, body = curl(base + "/v2/models/species/predict", "-H", "Transfer-Encoding: chunked",
                           *JSON, data=b'[{"island": "Biscoe", "mass": 3000, "length": null}]')
    check("a body in chunks", status == 200 and
          json.loads(body)["rows"] == [{"species": "Gentoo"}], body)


def check_refusals(base):
    url = base + "/v2/models/linear/predict"
    status, _, body = curl(url, "--data-binary", "@-", data=b"[]")
    check("a form is refused", status == 415 and b"Content-Type: application/json" in body, body)
    status, _, body = curl(url, *JSON, data=b" " * (3 << 20))
    check("JSON past the limit", status == 413 and b"--http-max-json-mib" in body, body)
    status, _, body = curl(url, *JSON, data=b" " * (5 << 20))
    check("a body past the limit", status == 413 and b"--http-max-body-mib" in body, body)
    status, headers, _ = curl("-X", "DELETE", url)
    check("405", status == 405 and headers["allow"] == "post", headers)
    check("a large head", curl(url, "-H", "X: " + "x" * 40000)[0] == 431)
    status, _, body = curl("-X", "POST", base + "/v2/repository/models/linear/unload")
    check("a local caller may unload", status == 200, body)
    status, headers, _ = curl(base + "/v2/models/linear")
    check("and then it is not there", status == 503 and headers["retry-after"] == "1", headers)
    check("until it is loaded",
          curl("-X", "POST", base + "/v2/repository/models/linear/load")[0] == 200 and
          curl(base + "/v2/models/linear")[0] == 200)


def check_tokens(lathed, repository, folder):
    tokens = os.path.join(folder, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write("predict 0123456789abcdef\nadmin fedcba9876543210\n")
    os.chmod(tokens, 0o400)
    daemon = Daemon(lathed, repository, "--token-file", tokens)
    base = "http://" + daemon.address
    status, headers, _ = curl(base + "/v2/models/linear")
    check("401 without a token", status == 401 and headers["www-authenticate"] == "bearer", status)
    bearer = ("-H", "Authorization: Bearer 0123456789abcdef")
    check("200 with one", curl(base + "/v2/models/linear", *bearer)[0] == 200)
    unload = ("-X", "POST", base + "/v2/repository/models/linear/unload")
    check("403 for what it is not good for", curl(*unload, *bearer)[0] == 403)
    check("200 with an admin's", curl(*unload, "-H", "Authorization: Bearer fedcba9876543210")[0] ==
          200)
    check("probes need none", curl(base + "/readyz")[0] == 200)
    check("SIGTERM ends it well", daemon.stop() == 0)


def check_tls(lathed, repository, folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    daemon = Daemon(lathed, repository, "--tls-cert", cert, "--tls-key", key)
    base = "https://" + daemon.address
    check("TLS", curl("--cacert", cert, base + "/readyz")[0] == 200)
    status, _, body = curl("--cacert", cert, base + "/v2/models/linear/predict", *JSON,
                           data=json.dumps([{f"x{j}": 0 for j in range(20)}] * 20000).encode())
    check("a large body and reply within it", status == 200 and
          len(json.loads(body)["rows"]) == 20000, body[:200])
    check("a client that does not know the certificate", curl(base + "/readyz")[0] == 0)
    daemon.stop()
    daemon = Daemon(lathed, repository, "--tls-cert", cert, "--tls-key", key, "--tls-client-ca",
                    cert)
    base = "https://" + daemon.address
    check("no certificate of the client", curl("--cacert", cert, base + "/readyz")[0] == 0)
    check("one that is known", curl("--cacert", cert, "--cert", cert, "--key", key,
                                    base + "/readyz")[0] == 200)
    daemon.stop()


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--lathed", "--make-models"):
        arguments.add_argument(name, required=True)
    options = arguments.parse_args()
    if shutil.which("curl") is None:
        print("not run: there is no curl")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        repository = os.path.join(folder, "models")
        subprocess.run([options.make_models, repository], check=True)
        daemon = Daemon(options.lathed, repository, "--http-max-body-mib", "4",
                        "--http-max-json-mib", "2")
        base = "http://" + daemon.address
        check_reads(base)
        check_infers(base)
        check_refusals(base)
        check("SIGTERM ends it well", daemon.stop() == 0)
        check_tokens(options.lathed, repository, folder)
        check_tls(options.lathed, repository, folder)
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
