"""Chat templates: the one way in which messages become tokens, for training, generation and evaluation."""

from mathpipe.generate.templates.chat_template import ChatTemplate, Message, render
from mathpipe.generate.templates.tokenizer import Tokenizer, defuse, encode_text

__all__ = ["ChatTemplate", "Message", "Tokenizer", "defuse", "encode_text", "render"]
