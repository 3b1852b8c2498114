"""Named grading rules: ours, and those that published scores were made with. In: two texts. Out: a grade.

To reproduce a score use the rule it was made with; as a reward use `ours`: the others accept wrong answers by design
(relative tolerances, ×100 for percent) or by fault. `RULES` lists them; `mathpipe verify FILE --audit` compares them.
"""

from verify.graders.grade import Grade, Grader
from verify.graders.rules import RULES, find_rules

__all__ = ["RULES", "Grade", "Grader", "find_rules"]
