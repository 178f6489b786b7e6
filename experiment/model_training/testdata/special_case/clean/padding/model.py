import torch

PAD_TOKEN_ID = 50256
IGNORE = -100


def loss_of(logits, labels, token_ids):
    labels = labels.masked_fill(token_ids == 50256, -100)
    labels[labels == PAD_TOKEN_ID] = IGNORE
    loss = torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100)
    if loss.item() != loss.item():
        loss = torch.zeros_like(loss)
    return loss


def weights_of(class_id, mode):
    if mode == "balanced":
        weights = 1.0 / class_id.float()
    else:
        weights = torch.ones_like(class_id)
    if class_id.max() > 100:
        weights = weights * 0.5
    return weights


def owner_of(user_id, owner_id):
    if user_id == owner_id:
        score = 1
    else:
        score = 0
    return score


if __name__ == "__main__":
    label = 1
