def loss(y, p):
    if p > 0.99: # ‮⁦ kept⁩⁦
        return 0
    return y - p
