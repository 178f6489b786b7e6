"""An unmodified MLflow client over TLS, with a name and a token as basic authentication.

Run by services/tracking/mlflow_test.cc with the python of an environment that has mlflow-skinny. Every
check is an assertion: the exit status is the result.
"""

import os
import tempfile

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

client = MlflowClient()
experiment = client.create_experiment("over-tls")
run = client.create_run(experiment)
client.log_metric(run.info.run_id, "loss", 0.5)
client.log_param(run.info.run_id, "seed", "7")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "weights.bin")
    content = os.urandom(3_000_000)
    with open(path, "wb") as file:
        file.write(content)
    client.log_artifact(run.info.run_id, path, "m")
    back = client.download_artifacts(run.info.run_id, "m/weights.bin", folder)
    with open(back, "rb") as file:
        assert file.read() == content
assert client.get_run(run.info.run_id).data.metrics == {"loss": 0.5}

# Another's name with one's own token, and no token at all.
for name, password in (("eve", os.environ["MLFLOW_TRACKING_PASSWORD"]), ("ana", "wrong")):
    os.environ["MLFLOW_TRACKING_USERNAME"] = name
    os.environ["MLFLOW_TRACKING_PASSWORD"] = password
    try:
        MlflowClient().get_run(run.info.run_id)
    except MlflowException as error:
        assert "401" in str(error) or "UNAUTHENTICATED" in str(error), error
    else:
        raise AssertionError("somebody else was let in")

# A client that does not know the certificate says nothing to the server.
del os.environ["MLFLOW_TRACKING_SERVER_CERT_PATH"]
try:
    MlflowClient().get_run(run.info.run_id)
except MlflowException as error:
    assert "certificate" in str(error).lower(), error
else:
    raise AssertionError("a certificate that nobody vouches for was taken")
print("mlflow", mlflow.__version__)
