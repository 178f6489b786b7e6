"""The peers of `./dev bench data`: NAME FOLDER reads FOLDER/*.npy and *.json, and leaves answer.json there.

Times are of the processor, on one thread. Each peer is called as its own documentation calls it.
"""
import json
import pathlib
import sys
import time

import numpy as np

FOLDER = pathlib.Path(sys.argv[2])


def load(name):
    return np.load(FOLDER / f"{name}.npy")


def load_json(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def seconds_of(work, rounds=3):
    """The median of some rounds, and what the last one returned."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        out = work()
        times.append(time.process_time() - start)
    return sorted(times)[len(times) // 2], out


def label_ranking():
    """cleanlab's two scores, from a small network's out-of-fold probabilities."""
    from cleanlab.rank import get_label_quality_scores
    from sklearn.metrics import average_precision_score, roc_curve
    from sklearn.model_selection import cross_val_predict
    from sklearn.neural_network import MLPClassifier

    features = load("features") / 255
    labels = load("labels").ravel().astype(int)
    wrong = load("wrong").ravel().astype(int)
    network = MLPClassifier((128,), max_iter=6, random_state=0)
    probabilities = cross_val_predict(network, features, labels, cv=3, method="predict_proba")
    out = {}
    for method in ("normalized_margin", "self_confidence"):
        score = -get_label_quality_scores(labels, probabilities, method=method)
        false, true, _ = roc_curve(wrong, score, drop_intermediate=False)
        out[method] = {"ap": average_precision_score(wrong, score), "tpr": true[false <= 0.01].max()}
    return out


def flag():
    """Which rows cleanlab flags, and how long it takes.

    It rounds counts in the order that np.argsort gives; of equal numbers that order differs from processor to
    processor, so the stable one is asked for.
    """
    from cleanlab.filter import find_label_issues

    any_order = np.argsort
    np.argsort = lambda values, *rest, **more: any_order(values, kind="stable")

    labels = load("labels").ravel().astype(int)
    probabilities = load("probabilities")
    seconds, flagged = seconds_of(
        lambda: find_label_issues(labels, probabilities, filter_by="prune_by_noise_rate", n_jobs=1)
    )
    return {"seconds": seconds, "rows": np.flatnonzero(flagged).tolist()}


def near_duplicates():
    """datasketch: signatures of 128, 25 bands of 5."""
    from datasketch import MinHash, MinHashLSH

    texts = [text.encode() for text in load_json("texts")]
    start = time.process_time()
    sketches = []
    for text in texts:
        shingles = {text[i : i + 5] for i in range(max(1, len(text) - 4))} if text else set()
        sketch = MinHash(num_perm=128)
        if shingles:
            sketch.update_batch(shingles)
        sketches.append(sketch)
    built = time.process_time() - start
    index = MinHashLSH(num_perm=128, params=(25, 5))
    pairs = set()
    for number, (sketch, text) in enumerate(zip(sketches, texts)):
        if not text:
            continue
        for other in index.query(sketch):
            pairs.add((other, number))
        index.insert(number, sketch)
    return {"seconds": built, "whole": time.process_time() - start, "pairs": sorted(pairs)}


def personal():
    """Presidio's recognisers that are patterns and checksums."""
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
        UsSsnRecognizer,
    )

    kinds = {
        "CREDIT_CARD": CreditCardRecognizer(),
        "IBAN_CODE": IbanRecognizer(),
        "EMAIL_ADDRESS": EmailRecognizer(),
        "PHONE_NUMBER": PhoneRecognizer(),
        "US_SSN": UsSsnRecognizer(),
        "IP_ADDRESS": IpRecognizer(),
    }
    texts = load_json("texts")
    found = []
    start = time.process_time()
    for number, text in enumerate(texts):
        for kind, recognizer in kinds.items():
            for result in recognizer.analyze(text, [kind], None):
                found.append([number, kind, result.start, result.end])
    return {"seconds": time.process_time() - start, "found": found}


def column():
    from scipy.stats import ks_2samp, wasserstein_distance

    a, b = load("a").ravel(), load("b").ravel()
    seconds, out = seconds_of(lambda: (ks_2samp(a, b, method="asymp").statistic, wasserstein_distance(a, b)))
    return {"seconds": seconds, "ks": out[0], "wasserstein": out[1]}


def drift_report():
    import pandas
    from evidently import Report
    from evidently.presets import DataDriftPreset

    names = [f"c{i}" for i in range(load("current").shape[1])]
    current = pandas.DataFrame(load("current"), columns=names)
    reference = pandas.DataFrame(load("reference"), columns=names)
    start = time.process_time()
    Report([DataDriftPreset()]).run(current, reference).dict()
    return {"seconds": time.process_time() - start}


def mmd():
    """The same test in NumPy: a Gaussian kernel, 100 permutations."""
    from sklearn.metrics.pairwise import rbf_kernel

    a, b = load("a"), load("b")

    def work():
        both = np.vstack([a, b])
        kernel = rbf_kernel(both, gamma=1 / (2 * a.shape[1]))
        random = np.random.default_rng(0)
        weights = np.concatenate([np.full(len(a), 1 / len(a)), np.full(len(b), -1 / len(b))])
        values = [weights @ kernel @ weights]
        for _ in range(100):
            shuffled = random.permutation(weights)
            values.append(shuffled @ kernel @ shuffled)
        return values[0]

    seconds, _ = seconds_of(work)
    return {"seconds": seconds}


def parquet():
    """The same table as Parquet, which nothing of ours writes."""
    import duckdb

    files = load_json("files")
    duckdb.sql("SET memory_limit='512MB'")
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{files['from']}')) TO '{files['to']}' (FORMAT parquet)")
    return {}


PEERS = {
    peer.__name__: peer
    for peer in (label_ranking, flag, near_duplicates, personal, column, drift_report, mmd, parquet)
}
(FOLDER / "answer.json").write_text(json.dumps(PEERS[sys.argv[1]]()))
