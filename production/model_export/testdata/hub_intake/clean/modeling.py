import torch


class Bert(torch.nn.Module):
    pass
