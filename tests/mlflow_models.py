"""What an unmodified, full MLflow does with models and with whole searches, against the server whose address
is in MLFLOW_TRACKING_URI.

Run by services/tracking/mlflow_test.cc with the python of an environment that has mlflow and scikit-learn.
Every check is an assert; the last line says how far it came.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import mlflow
import numpy
import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


def fitted() -> tuple:
    data, labels = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(data, labels), data, labels


def sklearn_models() -> None:
    client = MlflowClient()
    mlflow.set_experiment("iris")
    model, data, labels = fitted()
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_numpy(data, targets=labels, name="iris"), context="training")
        mlflow.log_metric("accuracy", model.score(data, labels))
        info = mlflow.sklearn.log_model(
            model, name="clf", input_example=data[:2], registered_model_name="iris-clf"
        )
    assert info.registered_model_version in (1, "1"), info.registered_model_version
    client.set_registered_model_alias("iris-clf", "champion", "1")
    expected = model.predict(data)
    for uri in [
        info.model_uri,
        f"runs:/{run.info.run_id}/clf",
        "models:/iris-clf/1",
        "models:/iris-clf@champion",
        "models:/iris-clf/latest",
    ]:
        assert (mlflow.pyfunc.load_model(uri).predict(data) == expected).all(), uri
    assert (mlflow.sklearn.load_model("models:/iris-clf@champion").predict(data) == expected).all()
    got = client.get_run(run.info.run_id)
    assert got.inputs.dataset_inputs[0].dataset.name == "iris"
    contexts = [t.value for t in got.inputs.dataset_inputs[0].tags if t.key == "mlflow.data.context"]
    assert contexts == ["training"], contexts
    assert got.outputs.model_outputs[0].model_id == info.model_id
    logged = client.get_logged_model(info.model_id)
    assert str(logged.status) == "READY" and logged.source_run_id == run.info.run_id
    assert {m.key for m in logged.metrics or []} <= {"accuracy"}
    found = mlflow.search_logged_models([run.info.experiment_id], output_format="list")
    assert [m.model_id for m in found] == [info.model_id]
    again = mlflow.register_model(info.model_uri, "iris-other")
    assert again.version in ("1", 1)
    second = mlflow.register_model(info.model_uri, "iris-clf")
    assert second.version in ("2", 2)
    client.set_registered_model_alias("iris-clf", "champion", second.version)
    assert client.get_model_version_by_alias("iris-clf", "champion").version in ("2", 2)
    client.rename_registered_model("iris-other", "iris-renamed")
    assert client.get_registered_model("iris-renamed").name == "iris-renamed"
    assert (mlflow.pyfunc.load_model("models:/iris-renamed/1").predict(data) == expected).all()


def autolog() -> None:
    mlflow.set_experiment("auto")
    mlflow.sklearn.autolog(log_datasets=True)
    data, labels = load_iris(return_X_y=True)
    with mlflow.start_run() as run:
        LogisticRegression(max_iter=500).fit(data, labels)
    mlflow.sklearn.autolog(disable=True)
    got = MlflowClient().get_run(run.info.run_id)
    assert got.data.params["max_iter"] == "500" and "training_score" in got.data.metrics
    assert got.outputs.model_outputs, "autolog logged no model"
    assert got.inputs.dataset_inputs, "autolog logged no data set"


def searches() -> None:
    client = MlflowClient()
    experiment = client.create_experiment("searches", tags={"team": "vision"})
    for i in range(25):
        parity = "even" if i % 2 == 0 else "odd"
        run = client.create_run(experiment, run_name=f"run-{i:02d}", tags={"parity": parity})
        client.log_metric(run.info.run_id, "loss", 1 / (i + 1))
        client.log_param(run.info.run_id, "depth", i % 3)
        client.set_terminated(run.info.run_id, "FINISHED" if i % 5 else "FAILED")
    names = []
    token = None
    while True:
        order = ["metrics.loss ASC"]
        page = client.search_runs([experiment], order_by=order, max_results=7, page_token=token)
        names += [r.info.run_name for r in page]
        token = page.token
        if not token:
            break
    assert names == [f"run-{i:02d}" for i in reversed(range(25))], names
    for text, count in [
        ("params.depth = '0'", 9),
        ("params.depth != '0'", 16),
        ("params.depth IN ('1', '2')", 16),
        ("params.depth NOT IN ('1', '2')", 9),
        ("tags.parity ILIKE 'EV%'", 13),
        ("tag.parity = 'odd' and metric.loss >= 0.25", 2),
        ("attributes.status = 'FAILED'", 5),
        ("attributes.run_name LIKE 'run-1%'", 10),
        ("start_time > 0 and end_time > 0", 25),
        ("tags.`mlflow.runName` = 'run-03'", 1),
        ("tags.nothing IS NULL", 25),
        ("params.depth IS NOT NULL AND tags.parity IS NOT NULL", 25),
    ]:
        found = client.search_runs([experiment], text)
        assert len(found) == count, (text, len(found))
    frame = mlflow.search_runs(experiment_names=["searches"], filter_string="tags.parity = 'even'")
    assert len(frame) == 13 and "metrics.loss" in frame and "params.depth" in frame and "tags.parity" in frame
    for wrong in [
        "params.depth > '0'",
        "metrics.loss = 'x'",
        "nothing.at = 'all'",
        "params.depth = 0",
        "x",
        "a = 'b' OR c = 'd'",
    ]:
        try:
            client.search_runs([experiment], wrong)
            raise AssertionError(f"{wrong} was understood")
        except MlflowException as error:
            assert error.error_code == "INVALID_PARAMETER_VALUE", (wrong, error)
    found = client.search_experiments(filter_string="tags.team = 'vision'", order_by=["name DESC"])
    assert [e.name for e in found] == ["searches"]
    assert len(client.search_experiments(view_type=ViewType.ALL)) >= 3
    run_id = client.search_runs([experiment], max_results=1)[0].info.run_id
    client.log_batch(run_id, metrics=[Metric("many", i, i, i) for i in range(1000)])
    assert [m.value for m in client.get_metric_history(run_id, "many")] == list(range(1000))
    assert client.get_run(run_id).data.metrics["many"] == 999
    for i in range(3):
        client.create_registered_model(f"paged-{i}")
    page = client.search_registered_models("name LIKE 'paged-%'", max_results=2, order_by=["name DESC"])
    assert [m.name for m in page] == ["paged-2", "paged-1"] and page.token
    page = client.search_registered_models(
        "name LIKE 'paged-%'", max_results=2, order_by=["name DESC"], page_token=page.token
    )
    assert [m.name for m in page] == ["paged-0"] and not page.token
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    client.restore_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "active"


def artifacts() -> None:
    client = MlflowClient()
    mlflow.set_experiment("files")
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "deep" / "er").mkdir(parents=True)
        (root / "deep" / "er" / "ünï code &=.bin").write_bytes(bytes(range(256)) * 4096)
        (root / "empty").write_bytes(b"")
        mlflow.log_artifacts(folder, "tree")
        mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), "zero.png")
        mlflow.log_table({"a": [1, 2]}, "table.json")
    run_id = run.info.run_id
    assert sorted(f.path for f in client.list_artifacts(run_id)) == ["table.json", "tree", "zero.png"]
    there = pathlib.Path(client.download_artifacts(run_id, "tree"))
    assert (there / "deep" / "er" / "ünï code &=.bin").read_bytes() == bytes(range(256)) * 4096
    assert (there / "empty").read_bytes() == b""
    get_artifact_repository(run.info.artifact_uri).delete_artifacts("tree/deep")
    assert [f.path for f in client.list_artifacts(run_id, "tree")] == ["tree/empty"]


def command_line() -> None:
    def said(*words: str) -> str:
        command = [sys.executable, "-m", "mlflow", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    said("experiments", "create", "--experiment-name", "by-hand")
    assert "by-hand" in said("experiments", "search")
    identity = MlflowClient().get_experiment_by_name("by-hand").experiment_id
    run = MlflowClient().create_run(identity).info.run_id
    assert run in said("runs", "list", "--experiment-id", identity)
    assert json.loads(said("runs", "describe", "--run-id", run))["info"]["run_id"] == run
    said("runs", "delete", "--run-id", run)
    said("runs", "restore", "--run-id", run)
    said("experiments", "rename", "--experiment-id", identity, "--new-name", "by-feet")
    said("experiments", "delete", "--experiment-id", identity)
    said("experiments", "restore", "--experiment-id", identity)
    said("experiments", "csv", "--experiment-id", identity)


def refusals() -> None:
    client = MlflowClient()
    address = mlflow.get_tracking_uri()
    for call in [
        lambda: client.get_run("0" * 32),
        lambda: client.get_experiment("424242"),
        lambda: client.get_registered_model("none"),
        lambda: client.get_model_version("iris-clf", "99"),
        lambda: client.get_logged_model("m-" + "0" * 32),
    ]:
        try:
            call()
            raise AssertionError("what is not there was found")
        except MlflowException as error:
            assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error
    try:
        mlflow.search_traces(locations=["0"])
        raise AssertionError("traces were searched")
    except MlflowException as error:
        assert "traces" in str(error), error
    assert requests.get(address + "/health", timeout=10).text == "OK"
    assert requests.get(address + "/version", timeout=10).status_code == 200


PARTS = [sklearn_models, autolog, searches, artifacts, command_line, refusals]

if __name__ == "__main__":
    wanted = sys.argv[1:]
    for part in PARTS:
        if wanted and part.__name__ not in wanted:
            continue
        part()
        print("passed", part.__name__, flush=True)
    sys.exit(0)
