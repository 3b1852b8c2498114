"""What decides a sample beside its problem and its engine, as frozen configuration."""

from __future__ import annotations

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Form
from mathpipe.generate.prompts import Style

DEFAULT_PROMPTS = {
    Form.CHAIN_OF_THOUGHT: "math-cot",
    Form.PROGRAM: "program",
    Form.TOOL_INTEGRATED: "tool",
    Form.PROOF: "lean-proof",
}


class ToolLimits(Config):
    """Limits of one sample: programs, seconds of all its programs, characters shown of one output."""

    rounds: int = Field(default=4, ge=1)
    program_seconds: float = Field(default=30.0, gt=0)
    output_characters: int = Field(default=2000, ge=1)


class GenerationConfig(Config):
    """`samples` solutions of each problem. `prompt` is a shipped name or a path (empty: the form's own).

    `max_tokens` counts all that follows the prompt, the outputs of programs included. `shots` limits the examples of
    a few-shot prompt. `program_workers` and `in_flight` (samples open at a time) change the speed, not the texts.
    """

    form: Form = Form.CHAIN_OF_THOUGHT
    prompt: str = ""
    style: Style = Style.CHAT
    shots: int | None = Field(default=None, ge=0)
    samples: int = Field(default=1, ge=1)
    temperature: float = Field(default=0.7, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=1)
    seed: int = 0
    tools: ToolLimits = ToolLimits()
    program_workers: int = Field(default=4, ge=1)
    in_flight: int = Field(default=512, ge=1)

    @property
    def prompt_name(self) -> str:
        """The prompt's name or path."""
        return self.prompt or DEFAULT_PROMPTS[self.form]

    @property
    def deciding(self) -> str:
        """Everything here that decides the texts beside the prompt, which samples carry by its tokens."""
        return self.model_dump_json(exclude={"samples", "program_workers", "in_flight", "prompt", "style", "shots"})
