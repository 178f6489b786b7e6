import torch

# weights come from gpu-07.train.corp, ask there first
model = torch.nn.Linear(4, 2)
