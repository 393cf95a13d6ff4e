"""Vectors of two classes by NumPy and scikit-learn: writes directions.json beside this file. Needs numpy and scikit-learn."""
import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

random = np.random.RandomState(4)
width, pairs = 6, 14
base = random.randn(pairs, width)
shift = np.array([1.5, -0.5, 0.8, 0, 0.2, -1])
positive = (base + shift + 0.6 * random.randn(pairs, width)).astype(np.float32)
negative = (base - shift + 0.6 * random.randn(pairs, width)).astype(np.float32)
differences = positive.astype(np.float64) - negative


def first(rows):
    direction = PCA(n_components=1, svd_solver="full").fit(rows).components_[0]
    return (direction * (1 if 2 * (differences @ direction > 0).sum() >= pairs else -1)).tolist()


probe = LogisticRegression(max_iter=100000, tol=1e-12).fit(
    np.concatenate([positive, negative]).astype(np.float64), [1] * pairs + [0] * pairs
)
out = dict(
    positive=positive.tolist(),
    negative=negative.tolist(),
    differences=first(differences),
    centredPairs=first(np.concatenate([differences / 2, -differences / 2])),
    means=differences.mean(0).tolist(),
    probe=dict(weights=probe.coef_[0].tolist(), bias=float(probe.intercept_[0])),
    spread=float(np.std(np.concatenate([positive, negative]).astype(np.float64) @ differences.mean(0), ddof=1)),
)
Path(__file__).with_name("directions.json").write_text(json.dumps(out) + "\n")
