"""Training of the image tokenizer, the face encoder and the transformer."""
