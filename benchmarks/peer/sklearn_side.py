"""scikit-learn's side of the comparison: one JSON object a line in, one out (compare.py)."""
import json
import sys
import time

import numpy as np
import threadpoolctl
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import data


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def coefficients(model):
    return {"coef": np.ravel(model.coef_).tolist(), "intercept": np.ravel(model.intercept_).tolist()}


class Task:
    def __init__(self, folder, job):
        self.job = job
        shape = job["shape"]
        self.X = data.load(folder, job["family"], shape, "X")
        if job["family"] in ("linear", "logistic"):
            self.y = data.load(folder, job["family"], shape, "y")
        if job["family"] == "logistic":
            self.y = self.y.astype(np.int64)
        if job["name"] == "kmeans":
            self.start = data.load(folder, job["family"], shape, "start")
        if job["name"] == "standard_scaler_transform":
            self.scaler = StandardScaler().fit(self.X)
        if job["name"] == "predict_one_row":
            self.pipeline = make_pipeline(StandardScaler(), LinearRegression())
            self.pipeline.fit(self.X[:10000], self.y[:10000])

    def run(self, option, seed):
        return getattr(self, self.job["name"].replace("++", "_pp"))(option, seed)

    def linear_regression(self, option, seed):
        seconds, model = timed(lambda: LinearRegression().fit(self.X, self.y))
        return seconds, coefficients(model)

    linear_regression_refined = linear_regression
    linear_regression_no_errors = linear_regression
    linear_regression_no_errors_refined = linear_regression

    def ridge(self, option, seed):
        seconds, model = timed(lambda: Ridge(solver=option).fit(self.X, self.y))
        return seconds, coefficients(model)

    def kmeans(self, option, seed):
        job = KMeans(self.job["shape"][2], init=self.start, n_init=1, max_iter=20, tol=0.0,
                     algorithm=option)
        seconds, model = timed(lambda: job.fit(self.X))
        return seconds, {"inertia": [model.inertia_], "n_iter": model.n_iter_}

    def kmeans_pp(self, option, seed):
        job = KMeans(self.job["shape"][2], n_init=10, algorithm=option, random_state=seed)
        seconds, model = timed(lambda: job.fit(self.X))
        return seconds, {"inertia": [model.inertia_], "n_iter": model.n_iter_}

    def pca(self, option, seed):
        job = PCA(self.job["shape"][2], svd_solver=option, random_state=0)
        seconds, model = timed(lambda: job.fit(self.X))
        return seconds, {"explained_variance": model.explained_variance_.tolist(),
                         "total_variance": [float(model.explained_variance_.sum())]}

    pca_randomized = pca

    def standard_scaler_fit(self, option, seed):
        seconds, model = timed(lambda: StandardScaler().fit(self.X))
        return seconds, {"mean": model.mean_.tolist(), "scale": model.scale_.tolist()}

    def standard_scaler_transform(self, option, seed):
        seconds, rows = timed(lambda: self.scaler.transform(self.X))
        return seconds, {"rows": np.ravel(rows[:: len(rows) // 50]).tolist()}

    def logistic_regression(self, option, seed):
        seconds, model = timed(lambda: LogisticRegression(solver=option).fit(self.X, self.y))
        return seconds, coefficients(model)

    def cv_ridge_20_alphas(self, option, seed):
        search = GridSearchCV(Ridge(), {"alpha": self.job["extra"]["alphas"]}, cv=KFold(5),
                              n_jobs=2, refit=False)
        seconds, search = timed(lambda: search.fit(self.X, self.y))
        scores = [search.cv_results_[f"split{k}_test_score"] for k in range(5)]
        return seconds, {"scores": np.ravel(np.transpose(scores)).tolist()}

    def cv_linear_regression(self, option, seed):
        seconds, scores = timed(
            lambda: cross_val_score(LinearRegression(), self.X, self.y, cv=KFold(5), n_jobs=2))
        return seconds, {"scores": scores.tolist()}

    cv_linear_regression_refined = cv_linear_regression

    def predict_one_row(self, option, seed):
        calls = 2000
        rows = [self.X[i : i + 1] for i in range(calls)]
        seconds, said = timed(lambda: [self.pipeline.predict(row) for row in rows])
        return seconds / calls, {"rows": np.ravel(said[:50]).tolist()}


def wake_threads():
    """20 ms of work for BLAS's threads, as on the other side (lathe_side.cpp)."""
    a = np.ones((200, 200))
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        a @ a


def main():
    folder = sys.argv[1]
    task = None
    for line in sys.stdin:
        ask = json.loads(line)
        if ask["do"] == "load":
            task = None  # before the next arrays are read
            task = Task(folder, ask["job"])
            answer = {}
        elif ask["do"] == "run":
            wake_threads()
            seconds, answer = task.run(ask["option"], ask["seed"])
            answer["seconds"] = seconds
        else:
            np.ones((400, 400)) @ np.ones((400, 400))
            answer = {"pools": threadpoolctl.threadpool_info()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
