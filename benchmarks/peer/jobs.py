"""What is compared: the shapes, scikit-learn's options, the ratio to reach and when answers agree."""
from dataclasses import dataclass, field


@dataclass
class Job:
    name: str       # of the job, as ./dev bench takes it
    shape: tuple    # n, d and, where there is one, k
    family: str     # of arrays (data.py)
    floor: float    # scikit-learn's time over ours, at least
    options: list   # of scikit-learn: what it calls them; the fastest is kept
    # Figure of the answer -> (rule, tolerance). close: to the tolerance times the largest of them;
    # no_higher, no_lower: ours, to the tolerance times theirs.
    agree: dict
    # Bytes that must be read or written and operations that must be done, with n, d, k and i for
    # iterations: the least time that the hardware allows.
    bytes: str = "8*n*d"
    flops: str = "n*d*(d+1)"
    seeds: bool = False   # a run per seed; the medians of the answers are compared
    unit: float = 1e-3    # seconds, in the table
    extra: dict = field(default_factory=dict)

    @property
    def label(self):
        return "x".join(map(str, self.shape[:2])) + (
            f" k={self.shape[2]}" if len(self.shape) > 2 else "")

    @property
    def key(self):
        return f"{self.name}/{'x'.join(map(str, self.shape))}"


COEF = {"coef": ("close", 1e-8), "intercept": ("close", 1e-6)}
LINEAR = [(100000, 50), (1000000, 20), (20000, 500), (5000, 2000)]
ALPHAS = [10.0 ** (-3.0 + 6.0 * i / 19.0) for i in range(20)]


def jobs():
    every = []
    for shape, floor in zip(LINEAR, (13, 30, 8, 4)):
        every.append(Job("linear_regression", shape, "linear", floor, ["gelsd"], COEF))
    for shape, floor in zip(LINEAR, (11, 15, 7, 4)):
        every.append(Job("linear_regression_refined", shape, "linear", floor, ["gelsd"], COEF))
    # As scikit-learn, which has no standard errors; floats take half the time.
    floats = "0.5*n*d*(d+1)"
    for name, floors in (("linear_regression_no_errors", (8, 4)),
                         ("linear_regression_no_errors_refined", (7, 4))):
        for shape, floor in zip(LINEAR[2:], floors):
            every.append(Job(name, shape, "linear", floor, ["gelsd"], COEF, flops=floats))
    for shape, floor in zip(LINEAR, (3.5, 7.5, 1.7, 1.1)):
        every.append(Job("ridge", shape, "linear", floor, ["cholesky"], COEF,
                         flops=floats if shape[1] >= 256 else Job.flops))
    lloyd = [(100000, 16, 10), (1000000, 8, 16), (50000, 128, 100), (20000, 784, 10)]
    for shape, floor in zip(lloyd, (2, 3, 8, 8)):
        every.append(Job("kmeans", shape, "kmeans", floor, ["lloyd", "elkan"],
                         {"inertia": ("close", 1e-8)}, bytes="8*n*d*i", flops="2*n*d*k*i"))
    for family, shape, floor in (("kmeans", (100000, 16, 10), 4), ("digits", (1797, 64, 10), 3)):
        every.append(Job("kmeans++", shape, family, floor, ["lloyd", "elkan"],
                         {"inertia": ("no_higher", 1e-3)}, bytes="8*n*d*i", flops="2*n*d*k*i",
                         seeds=True))
    spectra = [(100000, 50, 10), (10000, 784, 50), (2000, 5000, 20)]
    gram = "n*d*(min(n,d)+1)"
    for shape, floor in zip(spectra, (18, 8, 10)):
        every.append(Job("pca", shape, "pca", floor, ["full"],
                         {"explained_variance": ("close", 1e-10)}, flops=gram))
    for shape, floor in zip(spectra[1:], (2.5, 1.2)):
        every.append(Job("pca_randomized", shape, "pca", floor, ["randomized"],
                         {"total_variance": ("no_lower", 1e-6)}, bytes="8*n*d*i",
                         flops="2*n*d*(k+10)*i"))
    every.append(Job("standard_scaler_fit", (1000000, 20), "linear", 5, ["default"],
                     {"mean": ("close", 1e-12), "scale": ("close", 1e-12)}, flops="4*n*d"))
    every.append(Job("standard_scaler_transform", (1000000, 20), "linear", 5, ["default"],
                     {"rows": ("close", 1e-12)}, bytes="16*n*d", flops="2*n*d"))
    for shape in ((50000, 20), (200000, 50)):
        every.append(Job("logistic_regression", shape, "logistic", 3,
                         ["lbfgs", "newton-cholesky"], {"loss": ("no_higher", 1e-12)},
                         bytes="8*n*d*i", flops="n*d*(d+1)+4*n*d*i"))
    scores = {"scores": ("close", 1e-9)}
    every.append(Job("cv_ridge_20_alphas", (200000, 50), "linear", 200,
                     ["GridSearchCV n_jobs=2"], scores, extra={"alphas": ALPHAS}))
    every.append(Job("cv_linear_regression", (200000, 50), "linear", 50,
                     ["cross_val_score n_jobs=2"], scores))
    every.append(Job("cv_linear_regression_refined", (200000, 50), "linear", 25,
                     ["cross_val_score n_jobs=2"], scores))
    every.append(Job("predict_one_row", (1000000, 20), "linear", 0, ["Pipeline.predict"],
                     {"rows": ("close", 1e-9)}, unit=1e-6, bytes="0", flops="6*d",
                     extra={"limit_us": 0.05}))
    return every
