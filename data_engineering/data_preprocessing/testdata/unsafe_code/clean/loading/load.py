import ast, json, yaml
import numpy as np
import torch

weights = torch.load("model.pt", weights_only=True)
rows = np.load("rows.npy", allow_pickle=False)
settings = yaml.safe_load(open("settings.yaml"))
more = yaml.load(open("more.yaml"), Loader=yaml.CSafeLoader)
value = ast.literal_eval("[1, 2]")
name = json.loads("{}")
