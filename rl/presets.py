"""Published recipes as values: what each paper sets, laid under what the user writes.

A preset decides the loss, how advantages are scaled, what is masked and how groups are drawn. Learning rates and
sizes that a paper chose for its own model are there too, and meant to be changed.
"""

from __future__ import annotations

from typing import Any

# DeepSeekMath (arXiv 2402.03300, section 4.2): learning rate 1e-6, KL 0.04 in the loss (k3), 64 samples of a
# question, 1,024 tokens, batch 1,024, one update for each batch of samples. The mean is taken per sequence.
_DEEPSEEKMATH: dict[str, Any] = {
    "loss": {"name": "grpo", "options": {"kl": 0.04}},
    "advantage": {"scale": "group"},
    "sampling": {"problems": 16, "samples": 64, "max_tokens": 1024, "temperature": 1.0},
    "learner": {"learning_rate": 1e-6, "updates": 1},
}

# DAPO (2503.14476): clip 0.2 / 0.28, token mean over the step, no KL, groups that teach nothing are drawn again,
# completions that were cut are masked, the last tokens before the limit cost.
_DAPO: dict[str, Any] = {
    "loss": {"name": "dapo"},
    "advantage": {"scale": "group"},
    "sampling": {"problems": 512, "samples": 16, "max_tokens": 20_480},
    "learner": {"learning_rate": 1e-6, "updates": 16, "warm_up_steps": 20},
    "mask_cut_completions": True,
    "dynamic_sampling": {"rounds": 4},
    "reward": {"overlong": 1.0, "soft_tokens": 4096},
}

# Dr. GRPO (2503.20783): no division by the deviation or by the length; the constant is the limit in tokens.
_DR_GRPO: dict[str, Any] = {
    "loss": {"name": "dr_grpo"},
    "advantage": {"scale": "none"},
    "sampling": {"problems": 128, "samples": 8, "max_tokens": 3000},
    "learner": {"learning_rate": 1e-6},
}

# GSPO (2507.18071): the ratio of the whole sequence, clipped to 3e-4 / 4e-4, four mini-batches of a batch.
_GSPO: dict[str, Any] = {
    "loss": {"name": "gspo", "options": {"clip_low": 3e-4, "clip_high": 4e-4}},
    "advantage": {"scale": "group"},
    "learner": {"updates": 4},
}

# CISPO (MiniMax-M1, 2506.13585): weights are clipped, gradients never; token mean, no KL.
_CISPO: dict[str, Any] = {
    "loss": {"name": "cispo", "options": {"ratio_max": 5.0}},
    "advantage": {"scale": "group"},
    "learner": {"updates": 16, "weight_decay": 0.1, "betas": [0.9, 0.95]},
}

# Rejection-sampling fine-tuning on the policy's own right samples, online (the paper's section 5.2.1).
_RFT: dict[str, Any] = {"loss": {"name": "rft"}, "advantage": {"scale": "none"}, "correction": {"kind": "none"}}

# SFT in the same loop: the paper's unified view has it as the data source "written solutions" with a coefficient of 1
# on every token (section 5.2.1); rates are those of DeepSeekMath-Instruct (section 3.2).
_SFT: dict[str, Any] = {
    "loss": {"name": "sft"},
    "correction": {"kind": "none"},
    "sampling": {"problems": 256, "samples": 1, "max_tokens": 4096},
    "learner": {"learning_rate": 5e-5},
}

# PPO (1707.06347) with generalised advantages (1506.02438) as it is used on language models: the reward at the last
# token, a value head on the policy's own trunk, the batch in four mini-batches, advantages whitened. One sample of
# a problem: no group is needed.
_PPO: dict[str, Any] = {
    "loss": {"name": "ppo", "options": {"clip_low": 0.2, "clip_high": 0.2}},
    "critic": {"kind": "shared", "gae_lambda": 0.95},
    "sampling": {"problems": 1024, "samples": 1, "max_tokens": 1024},
    "learner": {"learning_rate": 1e-6, "updates": 4},
}

# DPO (2305.18290) online (2402.04792): each step's right samples against its wrong ones of the same problem. The
# log-ratio is to a reference policy, the one at the start unless `renew_reference`.
_DPO: dict[str, Any] = {
    "loss": {"name": "dpo", "options": {"beta": 0.1}},
    "correction": {"kind": "none"},
    "learner": {"learning_rate": 1e-6},
}

PRESETS: dict[str, dict[str, Any]] = {
    "deepseekmath": _DEEPSEEKMATH,
    "dapo": _DAPO,
    "dr_grpo": _DR_GRPO,
    "gspo": _GSPO,
    "cispo": _CISPO,
    "rft": _RFT,
    "sft": _SFT,
    "ppo": _PPO,
    "dpo": _DPO,
}


def laid_under(preset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What is given, and of the preset what is not; sections are merged key by key, except a loss of another name."""
    merged = dict(preset)
    for key, value in given.items():
        below = preset.get(key)
        if key == "loss" and isinstance(value, dict) and value.get("name", _name(below)) != _name(below):
            merged[key] = value
        elif isinstance(below, dict) and isinstance(value, dict):
            merged[key] = laid_under(below, value)
        else:
            merged[key] = value
    return merged


def _name(loss: object) -> object:
    return loss.get("name") if isinstance(loss, dict) else None
