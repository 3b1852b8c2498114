"""What a person looks at: the run report, shards in the terminal, and why a page is gone."""

from mathpipe.inspect.explain import Explanation, Fate, RecordTrace, StepTrace, explain, print_explanation
from mathpipe.inspect.report import write_report
from mathpipe.inspect.shards import Query, Shards, find_shards
from mathpipe.inspect.terminal import inspect_shards

__all__ = [
    "Explanation",
    "Fate",
    "Query",
    "RecordTrace",
    "Shards",
    "StepTrace",
    "explain",
    "find_shards",
    "inspect_shards",
    "print_explanation",
    "write_report",
]
