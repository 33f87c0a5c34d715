"""Runs scikit-learn and lathe on the same arrays, alternating, and prints one table (./dev bench).

usage: compare.py LATHE_SIDE FOLDER [--quick] [JOB...]

Both sides have 2 threads. Warm: malloc keeps what is given back, so a run finds its memory there;
cold: malloc as it comes, where large blocks are fetched anew and each page costs a fault. A ratio is
of medians of at least 5 runs. A wrong answer, or one that depends on the number of threads, ends
the run with exit code 1; a slow one does not.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import data
import jobs
import table

THREADS = 2
WARM = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"
HERE = os.path.dirname(os.path.abspath(__file__))


def environment(heap):
    env = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "GLIBC_TUNABLES", "OMP_WAIT_POLICY"):
        env.pop(name, None)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LATHE_NUM_THREADS"):
        env[name] = str(THREADS)
    if heap == "warm":
        env["GLIBC_TUNABLES"] = WARM
    return env


class Side:
    """A process that answers one line of JSON with another."""

    def __init__(self, command, heap):
        self.process = subprocess.Popen(command, env=environment(heap), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, do, **more):
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[-2]} ended early")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, program, folder, quick):
        self.program = program
        self.folder = folder
        self.quick = quick

    def ours(self, heap):
        return Side([self.program, self.folder], heap)

    def theirs(self, heap):
        return Side([sys.executable, os.path.join(HERE, "sklearn_side.py"), self.folder], heap)

    def time(self, job, ours, theirs):
        """Medians of both sides, and the last answers (of all seeds, where they matter)."""
        ask = vars(job) | {"name": job.name}
        ours.ask("load", job=ask)
        theirs.ask("load", job=ask)
        ours.ask("run", seed=0)
        option = self.fastest(job, theirs)
        mine, other, answers = [], [], []
        start = time.perf_counter()
        while len(mine) < 5 or (len(mine) < 15 and time.perf_counter() - start < 1.0
                                and not self.quick):
            seed = len(mine)
            a = self.rested(ours, seed=seed)
            b = self.rested(theirs, seed=seed, option=option)
            mine.append(a["seconds"])
            other.append(b["seconds"])
            answers.append((a, b))
        return {"lathe": statistics.median(mine), "sklearn": statistics.median(other),
                "option": option, "runs": len(mine), "answers": answers}

    @staticmethod
    def rested(side, **ask):
        # So that the other side's threads have stopped waiting for work: OpenBLAS's may spin for 2^26
        # cycles.
        time.sleep(0.1)
        return side.ask("run", **ask)

    def fastest(self, job, theirs):
        """scikit-learn's best option, after a run of each that warms up."""
        times = {}
        for option in job.options:
            theirs.ask("run", seed=0, option=option)
            if len(job.options) > 1:
                times[option] = min(theirs.ask("run", seed=seed, option=option)["seconds"]
                                    for seed in (0, 1))
        return min(times, key=times.get) if times else job.options[0]

    def memory(self, job):
        with self.ours("cold") as side:
            side.ask("load", job=vars(job))
            return side.ask("memory")["bytes"]


def allowed_memory(job):
    """The issue of a fit's peak: a tenth of the input, and small matrices."""
    n, d = job.shape[:2]
    k = job.shape[2] if len(job.shape) > 2 else 0
    side = min(n, d)
    return 0.1 * 8 * n * d + 8 * 8 * (side * side + k * d) + (4 << 20)


def logistic_loss(folder, job, answer):
    X = data.load(folder, job.family, job.shape, "X")
    y = data.load(folder, job.family, job.shape, "y")
    w = np.array(answer["coef"])
    z = X @ w + answer["intercept"][0]
    return float(np.logaddexp(0.0, np.where(y > 0.5, -z, z)).sum() + 0.5 * w @ w)


def disagreement(folder, job, answers):
    """What differs between the two sides, in words; empty where they agree."""
    last = answers[-1]
    for figure, (rule, tolerance) in job.agree.items():
        if figure == "loss":
            a, b = ([logistic_loss(folder, job, side)] for side in last)
        elif job.seeds:
            a, b = ([statistics.median(pair[i][figure][0] for pair in answers)] for i in (0, 1))
        else:
            a, b = (side[figure] for side in last)
        a, b = np.array(a), np.array(b)
        if a.shape != b.shape or not np.isfinite(a).all():
            return f"{figure} has shape {a.shape} here and {b.shape} there, or is not finite"
        slack = tolerance * np.abs(b).max()
        off = {"close": np.abs(a - b), "no_higher": a - b, "no_lower": b - a}[rule].max()
        if not off <= slack:
            return f"{figure} is off by {off:.3g}, {rule} to {slack:.3g}"
    allocations = last[0].get("allocations", [0.0])[0]
    if allocations > 0:
        return f"{allocations:.0f} allocations while predicting"
    return ""


def limit(job, hardware, answer):
    """Seconds that the job takes at the limit of the hardware."""
    peak = hardware[str(THREADS)]
    n, d = job.shape[:2]
    sizes = {"n": n, "d": d, "k": job.shape[2] if len(job.shape) > 2 else 0,
             "i": answer.get("n_iter", [1])[0], "min": min}
    moved, done = (eval(text, {}, sizes) for text in (job.bytes, job.flops))
    return max(moved / max(peak["triad"], peak["read"]), done / peak["flops"])


def chosen(names, quick):
    every = jobs.jobs()
    for name in names:
        if not any(name in (job.name, job.key) for job in every):
            listed = ", ".join(dict.fromkeys(job.name for job in every))
            raise SystemExit(f"no job is called {name}; there are {listed}")
    if names:
        return [job for job in every if job.name in names or job.key in names]
    if quick:
        return [job for job in every if job.shape[0] * job.shape[1] < 8_000_000]
    return every


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", add_help=True)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true", help="warm heap, small shapes, 5 runs")
    parser.add_argument("job", nargs="*", help="all, if none is named")
    arguments = parser.parse_intermixed_args()
    selected = chosen(arguments.job, arguments.quick)
    bench = Bench(arguments.program, arguments.folder, arguments.quick)
    for job in selected:
        data.make(arguments.folder, job.family, job.shape)

    wrong = []
    rows = {job.key: {"job": job} for job in selected}
    for heap in ("warm",) if arguments.quick else ("warm", "cold"):
        with bench.ours(heap) as ours, bench.theirs(heap) as theirs:
            if heap == "warm":
                hardware = ours.ask("hardware")
                print(table.hardware(hardware, theirs.ask("pools")["pools"]), flush=True)
            for job in selected:
                row = rows[job.key]
                row[heap] = found = bench.time(job, ours, theirs)
                print(table.progress(job, heap, found), file=sys.stderr, flush=True)
                fault = disagreement(arguments.folder, job, found.pop("answers")[-5:]
                                     if not job.seeds else found["answers"])
                found.pop("answers", None)
                if fault:
                    wrong.append(f"{job.key} ({heap}): {fault}")
                if heap == "warm":
                    row["limit"] = limit(job, hardware, ours.ask("run", seed=0))
                    row["bits"] = ours.ask("bits")["bits"]
                    if len(set(row["bits"])) > 1:
                        wrong.append(f"{job.key}: other bits with other numbers of threads")
    for job in selected:
        if not job.name.startswith(("cv_", "predict", "standard_scaler_transform")):
            rows[job.key]["memory"] = (bench.memory(job), allowed_memory(job))
    print(table.text(rows.values()))
    with open(os.path.join(arguments.folder, "result.json"), "w") as file:
        plain = [{**row, "job": row["job"].key, "floor": row["job"].floor} for row in rows.values()]
        json.dump({"hardware": hardware, "rows": plain}, file, indent=1)
    for sentence in wrong:
        print("WRONG  " + sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
