"""Prompts as data files of this folder: instructions and worked examples, for chat and few-shot."""

from mathpipe.generate.prompts.prompt_file import Example, PromptFile, Style, load_prompt

__all__ = ["Example", "PromptFile", "Style", "load_prompt"]
