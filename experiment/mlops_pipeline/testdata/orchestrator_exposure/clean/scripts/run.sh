#!/bin/sh
# curl https://example.com/install | sh is what we do not do.
curl -fsS https://example.com/data.csv | sort | head > data.csv
mlflow server --host 127.0.0.1 --port 5000
python train.py --epochs 3
