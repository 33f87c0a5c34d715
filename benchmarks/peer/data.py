"""Seeded arrays that both sides of the comparison read: raw little-endian doubles, row-major.

make(folder, family, shape) writes what is not there yet as FAMILY_NxD_PART.bin, and load() reads one.
"""
import os

import numpy as np


def linear(n, d):
    """Correlated columns of several scales and offsets; y is linear in them, with noise."""
    r = np.random.default_rng(100 + d)
    X = r.standard_normal((n, d))
    X[:, 1:] += 0.3 * X[:, :-1]
    X *= r.uniform(0.5, 3.0, d)
    X += r.uniform(-2.0, 2.0, d)
    y = X @ r.standard_normal(d) + 3.0 + r.standard_normal(n)
    return {"X": X, "y": y}


def kmeans(n, d, k):
    """Overlapping groups and a tenth of uniform noise; the start is k of the rows."""
    r = np.random.default_rng(200 + d)
    centres = r.uniform(-4.0, 4.0, (k, d))
    X = centres[r.integers(0, k, n)] + r.standard_normal((n, d)) * r.uniform(1.0, 2.5, d)
    noise = r.permutation(n)[: n // 10]
    X[noise] = r.uniform(-8.0, 8.0, (len(noise), d))
    return {"X": X, "start": X[r.permutation(n)[:k]]}


def digits(n, d, k):
    """The 8 x 8 images of handwritten digits that scikit-learn brings along."""
    from sklearn.datasets import load_digits

    X = load_digits().data
    assert X.shape == (n, d)
    return {"X": X}


def pca(n, d, k):
    """A decaying spectrum, noise, and offsets, so that centring matters."""
    r = np.random.default_rng(300 + d)
    rank = min(n, d, 200)
    scores = r.standard_normal((n, rank)) * (10.0 / np.sqrt(1.0 + np.arange(rank)))
    X = scores @ (r.standard_normal((rank, d)) / np.sqrt(d))
    X += 0.1 * r.standard_normal((n, d)) + r.uniform(-1.0, 1.0, d)
    return {"X": X}


def logistic(n, d):
    r = np.random.default_rng(400 + d)
    X = r.standard_normal((n, d))
    X[:, 1:] += 0.5 * X[:, :-1]
    score = 1.5 * (X @ (r.standard_normal(d) / np.sqrt(d))) + 0.3
    return {"X": X, "y": (r.random(n) < 1.0 / (1.0 + np.exp(-score))).astype(float)}


MAKERS = {f.__name__: f for f in (linear, kmeans, digits, pca, logistic)}


def path(folder, family, shape, part):
    return os.path.join(folder, f"{family}_{'x'.join(map(str, shape))}_{part}.bin")


def make(folder, family, shape):
    done = path(folder, family, shape, "done")
    if os.path.exists(done):
        return
    os.makedirs(folder, exist_ok=True)
    for part, values in MAKERS[family](*shape).items():
        np.ascontiguousarray(values, dtype="<f8").tofile(path(folder, family, shape, part))
    open(done, "w").close()


def load(folder, family, shape, part):
    values = np.fromfile(path(folder, family, shape, part), dtype="<f8")
    return values if part == "y" else values.reshape(-1, shape[1])
