from torch import load
def weights(path):
    return load(path, map_location="cpu", weights_only=False)
