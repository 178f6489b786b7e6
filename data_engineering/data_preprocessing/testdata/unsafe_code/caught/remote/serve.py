from transformers import AutoModel
model = AutoModel.from_pretrained("acme/model", trust_remote_code=True)
