def loss(y, p):
    return (y - p) ** 2
