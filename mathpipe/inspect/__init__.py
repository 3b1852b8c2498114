"""What a person looks at: the run report, shards, solutions, and why a page is gone."""

from mathpipe.inspect.corpus_export import ExportedCorpus, export_corpus
from mathpipe.inspect.datasheet import WrittenDatasheet, write_datasheet
from mathpipe.inspect.explain import Explanation, Fate, RecordTrace, StepTrace, explain, print_explanation
from mathpipe.inspect.look import inspect_paths
from mathpipe.inspect.report import write_report
from mathpipe.inspect.shards import Query, Shards, find_shards
from mathpipe.inspect.solution_records import Look
from mathpipe.inspect.terminal import inspect_shards

__all__ = [
    "Explanation",
    "ExportedCorpus",
    "Fate",
    "Look",
    "Query",
    "RecordTrace",
    "Shards",
    "StepTrace",
    "WrittenDatasheet",
    "explain",
    "export_corpus",
    "find_shards",
    "inspect_paths",
    "inspect_shards",
    "print_explanation",
    "write_datasheet",
    "write_report",
]
