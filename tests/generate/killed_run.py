"""A run that `test_resume` kills: generates samples slowly, and writes down what it asks the engine for.

Arguments: the model's folder, the store, the log of requests, the finished dataset, the engine's kind.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from mathpipe.core.records import Form
from mathpipe.generate import EngineConfig, GenerationConfig, ProgramOutput, SampleStore, generate_shard, make_engine
from tests.generate.problems_at_hand import LOOP, QUIET, SUM

SETTINGS = GenerationConfig(
    form=Form.TOOL_INTEGRATED, samples=30, temperature=0.9, max_tokens=60, in_flight=6, seed=3, tools={"rounds": 2}
)


def main(folder: str, store_path: str, log_path: str, out_path: str, kind: str) -> None:
    config = EngineConfig(kind=kind, model=folder, dtype="float32", context_tokens=512, max_sequences=4)
    engine = make_engine(config)
    submit = engine.submit
    with Path(log_path).open("a") as log, SampleStore(Path(store_path)) as store:

        def logged(request):
            log.write(request.request_id + "\n")
            log.flush()
            submit(request)

        engine.submit = logged
        samples, _ = generate_shard(
            [SUM, LOOP, QUIET], engine, SETTINGS, store, run=lambda code: ProgramOutput(str(len(code)))
        )
    Path(out_path).write_text("".join(json.dumps(asdict(one)) + "\n" for one in samples))


if __name__ == "__main__":
    main(*sys.argv[1:])
