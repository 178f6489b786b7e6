"""What an unmodified MLflow client does, against the server whose address is in MLFLOW_TRACKING_URI.

Run by services/tracking/mlflow_test.cc with the python of an environment that has mlflow-skinny. Every check
is an assert; the last line says how far it came.
"""
import math
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
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


PARTS = [tracking]

if __name__ == "__main__":
    for part in PARTS:
        part()
        print("passed", part.__name__, flush=True)
    sys.exit(0)
