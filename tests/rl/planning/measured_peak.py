"""In a process of its own: the largest resident memory of a learner's updates, over what it has before it loads."""

import json
import sys
from pathlib import Path

import torch

from rl.learner import Learner, LearnerConfig, LossConfig
from rl.trajectories import TrainSequence


def peak_bytes():
    """Of this process alone: `ru_maxrss` begins at the parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def sequences(count, length, vocabulary):
    draw = torch.Generator().manual_seed(0)
    for _ in range(count):
        ids = torch.randint(3, vocabulary, (length + 1,), generator=draw).tolist()
        completion = tuple(ids[length // 2 :])
        yield TrainSequence(
            prompt_ids=tuple(ids[: length // 2]), completion_ids=completion, advantages=(1.0,) * len(completion)
        )


def main(folder, config, count, length):
    import peft  # noqa: F401
    import transformers.models.llama.modeling_llama  # noqa: F401 - what is imported is not the model's

    import rl.kernels.patch  # noqa: F401

    torch.set_num_threads(1)
    torch.ones(64, 64) @ torch.ones(64, 64)
    before = peak_bytes()
    learner = Learner(
        folder, LearnerConfig.model_validate(config), LossConfig(name="dr_grpo"), max_length=length, temperature=1.0
    )
    batch = list(sequences(count, length, learner.model.config.vocab_size))
    for _ in range(2):
        learner.update(batch)
    print(json.dumps({"bytes": peak_bytes() - before}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
