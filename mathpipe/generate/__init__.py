"""Solutions written by language models. The name is reserved; the stage arrives with the generation work."""
