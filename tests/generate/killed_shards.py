"""A run over shards that `test_generation_stage` kills: writes down what it asks the engine for.

Arguments: the run's configuration, the log of requests.
"""

import sys
from pathlib import Path

from rich.console import Console

from mathpipe.core.config import load_config
from mathpipe.generation import GenerateRunConfig, run_generation
from mathpipe.generation_stage import engine_of


def main(path: str, log_path: str) -> None:
    config = load_config(Path(path), GenerateRunConfig, ())
    engine = engine_of(config.engine)  # the one that the stage will find
    submit = engine.submit
    with Path(log_path).open("a") as log:

        def logged(request):
            log.write(request.request_id + "\n")
            log.flush()
            submit(request)

        engine.submit = logged
        run_generation(config, Console())


if __name__ == "__main__":
    main(*sys.argv[1:])
