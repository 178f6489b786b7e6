"""What an unmodified MLflow client does, against the server whose address is in MLFLOW_TRACKING_URI.

Run by services/tracking/mlflow_test.cc with the python of an environment that has mlflow-skinny. Every check
is an assert; the last line says how far it came.
"""
import math
import pathlib
import sys
import tempfile

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def tracking() -> None:
    client = MlflowClient()
    experiment = mlflow.set_experiment("digits")
    assert client.get_experiment_by_name("digits").experiment_id == experiment.experiment_id
    assert client.get_experiment_by_name("none") is None
    client.set_experiment_tag(experiment.experiment_id, "team", "vision")
    with mlflow.start_run(run_name="first", tags={"kind": "baseline"}) as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"depth": 3, "solver": "adam"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"accuracy": 0.9, "f1 macro": 0.8})
        mlflow.log_metric("unstable", math.nan)
        mlflow.set_tag("note", "it's a `first` try")
    run_id = run.info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric("batch", value, 1000 + value, value) for value in range(100)],
        params=[Param("p", "q")],
        tags=[RunTag("r", "s")],
    )
    got = client.get_run(run_id)
    assert got.info.status == "FINISHED" and got.info.run_name == "first"
    assert got.data.params == {"lr": "0.1", "depth": "3", "solver": "adam", "p": "q"}
    assert got.data.metrics["loss"] == 0.2 and math.isnan(got.data.metrics["unstable"])
    assert got.data.tags["kind"] == "baseline" and got.data.tags["note"] == "it's a `first` try"
    assert [m.value for m in client.get_metric_history(run_id, "loss")] == [1 / (s + 1) for s in range(5)]
    assert len(client.get_metric_history(run_id, "batch")) == 100
    for text, count in [
        ("metrics.loss < 0.5 and params.solver = 'adam'", 1),
        ("tags.kind LIKE 'base%' AND attributes.status = 'FINISHED'", 1),
        ("metrics.`f1 macro` > 0.9", 0),
        ('run_name = "first"', 1),
    ]:
        assert len(client.search_runs([experiment.experiment_id], text)) == count, text
    try:
        client.log_param(run_id, "lr", 0.2)
        raise AssertionError("a parameter was changed")
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error
    client.delete_tag(run_id, "r")
    client.delete_run(run_id)
    assert client.search_runs([experiment.experiment_id]) == []
    assert len(client.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(run_id)
    client.rename_experiment(experiment.experiment_id, "numbers")
    names = [e.name for e in client.search_experiments(filter_string="name LIKE 'num%'")]
    assert names == ["numbers"], names


def models() -> None:
    client = MlflowClient()
    mlflow.set_experiment("models")
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "notes/a b.txt")
        mlflow.log_dict({"depth": 3}, "config.json")
    run_id = run.info.run_id
    assert sorted(f.path for f in client.list_artifacts(run_id)) == ["config.json", "notes"]
    assert [f.path for f in client.list_artifacts(run_id, "notes")] == ["notes/a b.txt"]
    assert mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/a b.txt") == "hello"
    logged = client.create_logged_model(
        run.info.experiment_id, name="net", source_run_id=run_id, params={"lr": "0.1"}, tags={"a": "b"}
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, text in [("MLmodel", "flavors: {}\n"), ("data/weights.txt", "1 2 3")]:
            path = pathlib.Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, "READY")
    client.set_logged_model_tags(logged.model_id, {"c": "d"})
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
    got = client.get_logged_model(logged.model_id)
    assert got.params == {"lr": "0.1"} and got.tags["c"] == "d" and str(got.status) == "READY", got
    assert len(client.search_logged_models([run.info.experiment_id], filter_string="params.lr = '0.1'")) == 1
    assert client.get_run(run_id).outputs.model_outputs[0].model_id == logged.model_id

    client.create_registered_model("clf", tags={"team": "vision"}, description="digits")
    source = f"models:/{logged.model_id}"
    version = client.create_model_version("clf", source, run_id, model_id=logged.model_id)
    assert version.version == "1" and client.get_model_version("clf", "1").status == "READY"
    client.set_registered_model_alias("clf", "champion", "1")
    client.set_model_version_tag("clf", "1", "checked", "yes")
    client.set_registered_model_tag("clf", "tier", "1")
    client.update_model_version("clf", "1", "the first")
    client.transition_model_version_stage("clf", "1", "Staging")
    assert client.get_model_version_by_alias("clf", "champion").description == "the first"
    assert client.get_registered_model("clf").aliases == {"champion": "1"}
    assert [v.version for v in client.get_latest_versions("clf", ["Staging"])] == ["1"]
    assert [m.name for m in client.search_registered_models("name LIKE 'cl%'")] == ["clf"]
    assert len(client.search_model_versions("name = 'clf' and tags.checked = 'yes'")) == 1
    for uri in ["models:/clf/1", "models:/clf@champion"]:
        folder = mlflow.artifacts.download_artifacts(uri)
        assert pathlib.Path(folder, "data/weights.txt").read_text() == "1 2 3", uri
    try:
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "MLmodel").write_text("swapped")
            client.log_model_artifacts(logged.model_id, folder)
        raise AssertionError("a sealed model was overwritten")
    except (MlflowException, requests.HTTPError) as error:
        assert "403" in str(error) or "sealed" in str(error), error
    client.delete_registered_model_alias("clf", "champion")
    client.delete_model_version("clf", "1")
    client.delete_registered_model("clf")


PARTS = [tracking, models]

if __name__ == "__main__":
    for part in PARTS:
        part()
        print("passed", part.__name__, flush=True)
    sys.exit(0)
