"""What benchmarks/serving/compare.py and tests/serving/soak.py share: models, servers, load."""
import importlib
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import threading

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT = 60  # seconds; for what takes a fraction of one


def make_messages(folder):
    """The protocol's messages, from our .proto."""
    proto = os.path.join(SOURCE, "proto", "inference.proto")
    subprocess.run(["protoc", "-I" + os.path.dirname(proto), "--python_out=" + folder, proto],
                   check=True)
    sys.path.insert(0, folder)
    return importlib.import_module("inference_pb2")


def write_csv(path, names, rows):
    with open(path, "w", encoding="utf-8") as file:
        for row in [names] + rows:
            file.write(",".join(map(str, row)) + "\n")


def write_linear(path, offset=0.5):
    """20 numbers and y = 1 x0 + 2 x1 + ... + offset."""
    numbers = random.Random(1)
    rows = []
    for _ in range(200):
        x = [numbers.uniform(-1, 1) for _ in range(20)]
        rows.append(x + [sum((j + 1) * cell for j, cell in enumerate(x)) + offset])
    write_csv(path, [f"x{j}" for j in range(20)] + ["y"], rows)


MIXED = [(f"n{j}", None) for j in range(8)] + [(f"c{j}", "abcdef"[:j + 3]) for j in range(4)]
MIXED_PIPELINE = ("columns(numeric: simple_imputer | standard_scaler, "
                  "categorical: one_hot_encoder(handle_unknown=ignore)) | ridge")


def write_mixed(path):
    """8 numbers, 4 categories of 3 to 6 levels, some cells missing."""
    numbers = random.Random(2)
    rows = []
    for i in range(300):
        row = [numbers.choice(levels) if levels else numbers.gauss(0, 1) for _, levels in MIXED]
        y = sum(ord(cell) if isinstance(cell, str) else cell for cell in row)
        if i % 10 == 0:
            row[i // 10 % 8] = ""
        rows.append(row + [y])
    write_csv(path, [name for name, _ in MIXED] + ["y"], rows)


def mixed_request(messages):
    """One row, one raw tensor per column."""
    request = messages.ModelInferRequest(model_name="mixed")
    for j, (name, levels) in enumerate(MIXED):
        request.inputs.add(name=name, datatype="BYTES" if levels else "FP64", shape=[1, 1])
        request.raw_input_contents.append(
            b"\x01\0\0\0" + levels[1].encode() if levels else struct.pack("<d", 0.25 * j - 1))
    return request


def give_way():
    """Of this thread: what it does is not measured, and would take the servers' processors from them."""
    os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))


class Server:
    """A process that says on standard error where it serves."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"serving \d+ models? on ([^\s\",]+)", line)
            if found:
                self.address = found[1]
                break
        else:
            raise SystemExit(f"{command[0]} does not serve:\n" + "".join(self.log))
        self.reader = threading.Thread(target=self.read)
        self.reader.start()  # so that a full pipe holds nobody up

    def read(self):
        give_way()
        self.log.extend(self.process.stderr)

    @property
    def pid(self):
        return self.process.pid

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def stop(self):
        """The exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT)
        self.reader.join()
        return status


def load(program, address, *options):
    """What serving_load says; it ends this program if a reply was wrong."""
    command = [program, address, *map(str, options)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stdout}")
    return json.loads(done.stdout)
