"""What the LaTeX normal form treats as equal: synonyms, spacing, upright names, Unicode signs.

Values only; `crawl.formulas.normal_form` says how they are used. Names stand without their backslash.
"""

from __future__ import annotations

SYNONYMS: dict[str, str] = {
    name: sign
    for name, _, sign in (
        pair.partition(":")
        for pair in (
            "varnothing:emptyset backslash:setminus lhd:triangleleft vartriangleleft:triangleleft rhd:triangleright "
            "vartriangleright:triangleright smallsetminus:setminus "
            "lt:< gt:> le:leq ge:geq ne:neq leqslant:leq geqslant:geq to:rightarrow gets:leftarrow land:wedge "
            "lor:vee lnot:neg vert:| lvert:| rvert:| mid:| Vert:Vert lVert:Vert rVert:Vert parallel:Vert "
            "lbrace:lbrace rbrace:rbrace lbrack:[ rbrack:] dots:ldots dotsc:ldots dotso:ldots hdots:ldots "
            "cdots:ldots "
            "dotsb:ldots dotsm:ldots dotsi:ldots dfrac:frac tfrac:frac cfrac:frac dbinom:binom tbinom:binom "
            "bar:overline widehat:hat widetilde:tilde overrightarrow:vec bm:boldsymbol pmb:boldsymbol "
            "ast:* colon:: varDelta:Delta implies:Rightarrow Longrightarrow:Rightarrow iff:Leftrightarrow "
            "Longleftrightarrow:Leftrightarrow longrightarrow:rightarrow longleftarrow:leftarrow "
            "longmapsto:mapsto impliedby:Leftarrow owns:ni intop:int smallint:int doublecap:Cap "
            "mathbold:mathbf symbf:mathbf textbf:mathbf textit:mathit emph:mathit texttt:mathtt textsf:mathsf "
            "mathscr:mathcal frak:mathfrak Bbb:mathbb backepsilon:ni degree:circ "
            "lang:langle rang:rangle infin:infty isin:in empty:emptyset exist:exists ang:angle "
            "plusmn:pm real:Re image:Im alef:aleph thetasym:vartheta sdot:cdot sub:subset sube:subseteq "
            "supe:supseteq bull:bullet"
        ).split()
    )
}
"""One spelling for several commands that print the same sign."""

DROPPED = frozenset(
    (
        "displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits displaylimits left right middle "
        "big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm biggm Biggm quad qquad "
        "thinspace medspace thickspace enspace enskip negthinspace negmedspace negthickspace nonumber notag "
        "strut mathstrut allowbreak nobreak hline hfill hfil null relax tiny scriptsize footnotesize small "
        "normalsize large Large LARGE huge Huge noindent centering nonscript linebreak break inline "
        "mathop mathrel mathbin mathord mathopen mathclose mathpunct mathinner ensuremath boxed smash "
        "normalfont mathnormal mit it unicode space"
    ).split()
) | frozenset([",", ":", ";", "!", ">", " ", "/", "\n", "\t", "-"])
"""Commands that change spacing, size or class but not what is said; an argument of theirs stays."""

DROPPED_WITH_ARGUMENT = {
    "label": 1, "hspace": 1, "hspace*": 1, "vspace": 1, "vspace*": 1, "mspace": 1, "color": 1, "phantom": 1,
    "hphantom": 1, "vphantom": 1, "class": 1, "cssId": 1, "style": 1, "href": 1, "textcolor": 1,
    "definecolor": 3, "rule": 2, "htmlClass": 1, "htmlId": 1, "htmlStyle": 1, "colorbox": 1, "raise": 0,
    "bbox": 0, "require": 1, "eqref": 0, "kern": 0, "mkern": 0, "hskip": 0, "mskip": 0,
}  # fmt: skip
"""Commands dropped together with that many of their first arguments."""

UPRIGHT = frozenset(
    "text textrm textnormal textup mbox hbox mathrm operatorname operatorname* operatornamewithlimits rm "
    "mathup textmd symrm".split()
)
"""Upright words: `\\text`, `\\mathrm` and `\\operatorname` print alike and are compared by their letters."""

FUNCTIONS = frozenset(
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf injlim ker lg lim liminf "
    "limsup ln log max min Pr projlim sec sin sinh sup tan tanh bmod mod argmax argmin sgn Tr tr rank diag "
    "arccot arcsec arccsc sech csch erf plim".split()
)
"""Function names: equal to the same letters set upright."""

FONTS = frozenset("mathbf mathbb mathcal mathfrak mathsf mathtt mathit boldsymbol mathbfit mathsfit".split())
"""Font commands that are spread over the letters of their argument."""

BLACKBOARD = {"Reals": "R", "reals": "R", "natnums": "N", "cnums": "C", "Complex": "C"}
"""Commands that print one letter of the blackboard alphabet (KaTeX's and texvc's names)."""

SWITCHES = {"bf": "mathbf", "rm": "mathrm", "sf": "mathsf", "tt": "mathtt", "bfseries": "mathbf",
            "itshape": "mathit", "sl": "mathit", "boldmath": "boldsymbol",
            "cal": "mathcal"}  # fmt: skip
"""Old font switches, which hold to the end of their group."""

ARGUMENTS = {
    "frac": 2, "binom": 2, "sqrt": 1, "overset": 2, "underset": 2, "stackrel": 2, "overline": 1,
    "underline": 1, "hat": 1, "tilde": 1, "vec": 1, "dot": 1, "ddot": 1, "check": 1, "breve": 1, "acute": 1,
    "grave": 1, "mathring": 1, "overbrace": 1, "underbrace": 1, "genfrac": 6, "tag": 1, "tag*": 1, "not": 1,
    "pmod": 1, "pod": 1, "xrightarrow": 1, "xleftarrow": 1, "substack": 1, "cancel": 1, "overleftarrow": 1,
    "dddot": 1, "sideset": 2, "operatorname": 1, "operatorname*": 1, "text": 1, "begin": 1, "end": 1,
}  # fmt: skip
"""How many arguments a command takes."""

ACCENT_SIGNS = {
    "\\cdot": "dot", "˙": "dot", ".": "dot", "\\rightarrow": "vec", "^": "hat", "ˆ": "hat", "\\hat{}": "hat",
    "‾": "overline", "¯": "overline", "-": "overline", "_": "overline", "―": "overline", "\\overline{}": "overline",
    "~": "tilde", "˜": "tilde", "\\sim": "tilde", "¨": "ddot", "\\cdot\\cdot": "ddot", "..": "ddot",
    "ˇ": "check", "˘": "breve", "´": "acute", "`": "grave", "⏞": "overbrace", "︷": "overbrace", "ˉ": "overline",
}  # fmt: skip
"""`\\overset{sign}{x}` that is an accent."""

LARGE_OPERATORS = frozenset(
    "sum prod coprod int iint iiint oint bigcup bigcap bigsqcup bigvee bigwedge bigoplus bigotimes bigodot "
    "biguplus".split()
)
"""Operators whose scripts stand above and below: `\\underset{i}{\\sum}` is `\\sum_{i}`."""

LIMITS_WORDS = frozenset(
    "lim liminf limsup injlim projlim plim max min sup inf argmax argmin det gcd Pr esssup essinf colim "
    "varlim".split()
)
"""Function names whose scripts stand above and below, by their letters."""

RELATIONS = frozenset(
    "leq geq neq nless ngtr leqq geqq lesssim gtrsim lessgtr ll gg prec succ preceq succeq approx approxeq equiv sim "
    "simeq cong asymp propto doteq triangleq coloneqq eqqcolon in notin ni subset supset subseteq supseteq nsubseteq "
    "subsetneq supsetneq sqsubseteq sqsupseteq vdash models rightarrow leftarrow leftrightarrow Rightarrow Leftarrow "
    "Leftrightarrow mapsto hookrightarrow twoheadrightarrow leadsto rightsquigarrow".split()
)
"""Relations by name, in the normal form's spelling; beside them stand =, <, > and the colon."""

ALIGNED = frozenset(
    "aligned align align* alignat alignat* alignedat split eqnarray eqnarray* gathered gather gather* "
    "multline multline* flalign flalign* multlined".split()
)
"""Environments whose `&` are alignment points, not content."""

WRAPPERS = frozenset("equation equation* displaymath math subequations".split())
"""Environments that only say: display."""

GRIDS = {"array": ("", ""), "matrix": ("", ""), "smallmatrix": ("", ""), "matrix*": ("", ""), "pmatrix": ("(", ")"),
         "bmatrix": ("[", "]"), "Bmatrix": ("\\lbrace", "\\rbrace"), "vmatrix": ("|", "|"), "tabular": ("", ""),
         "Vmatrix": ("\\Vert", "\\Vert"), "cases": ("\\lbrace", ""), "rcases": ("", "\\rbrace"),
         "dcases": ("\\lbrace", ""), "cases*": ("\\lbrace", ""), "darray": ("", ""),
         "subarray": ("", "")}  # fmt: skip
"""Environments of cells, with the fences they draw."""

SIGNS = {
    "−": "-", "–": "-", "∗": "*", "⋆": "\\star", "·": "\\cdot", "⋅": "\\cdot", "×": "\\times", "÷": "\\div",
    "±": "\\pm", "∓": "\\mp", "≤": "\\leq", "⩽": "\\leq", "≥": "\\geq", "⩾": "\\geq", "≠": "\\neq", "≈": "\\approx",
    "≡": "\\equiv", "∼": "\\sim", "≃": "\\simeq", "≅": "\\cong", "∝": "\\propto", "∞": "\\infty", "∂": "\\partial",
    "∇": "\\nabla", "∑": "\\sum", "∏": "\\prod", "∫": "\\int", "∮": "\\oint", "∬": "\\iint", "∭": "\\iiint",
    "∈": "\\in", "∉": "\\notin", "∋": "\\ni", "⊂": "\\subset", "⊆": "\\subseteq", "⊃": "\\supset",
    "⊇": "\\supseteq", "∪": "\\cup", "∩": "\\cap", "∅": "\\emptyset", "∀": "\\forall", "∃": "\\exists", "¬": "\\neg",
    "∧": "\\wedge", "∨": "\\vee", "→": "\\rightarrow", "←": "\\leftarrow", "↔": "\\leftrightarrow",
    "⇒": "\\Rightarrow", "⟹": "\\Rightarrow", "⇐": "\\Leftarrow", "⇔": "\\Leftrightarrow", "⟺": "\\Leftrightarrow",
    "↦": "\\mapsto", "⟶": "\\rightarrow", "…": "\\ldots", "⋯": "\\ldots", "⋮": "\\vdots", "⋱": "\\ddots",
    "⟨": "\\langle", "⟩": "\\rangle", "〈": "\\langle", "〉": "\\rangle", "∥": "\\Vert", "‖": "\\Vert", "∣": "|",
    "⌊": "\\lfloor", "⌋": "\\rfloor", "⌈": "\\lceil", "⌉": "\\rceil", "∘": "\\circ", "°": "\\circ", "⊕": "\\oplus",
    "⊗": "\\otimes", "⊥": "\\bot", "⊤": "\\top", "∠": "\\angle", "△": "\\triangle", "ℓ": "\\ell", "ℏ": "\\hbar",
    "′": "'", "″": "''", "ϕ": "\\phi", "φ": "\\varphi", "ϵ": "\\epsilon", "ε": "\\varepsilon", "ϑ": "\\vartheta",
    "ϱ": "\\varrho", "ϖ": "\\varpi", "ς": "\\varsigma", "α": "\\alpha", "β": "\\beta", "γ": "\\gamma",
    "δ": "\\delta", "ζ": "\\zeta", "η": "\\eta", "θ": "\\theta", "ι": "\\iota", "κ": "\\kappa", "λ": "\\lambda",
    "μ": "\\mu", "µ": "\\mu", "ν": "\\nu", "ξ": "\\xi", "π": "\\pi", "ρ": "\\rho", "σ": "\\sigma", "τ": "\\tau",
    "υ": "\\upsilon", "χ": "\\chi", "ψ": "\\psi", "ω": "\\omega", "Γ": "\\Gamma", "Δ": "\\Delta", "∆": "\\Delta",
    "Θ": "\\Theta", "Λ": "\\Lambda", "Ξ": "\\Xi", "Π": "\\Pi", "Σ": "\\Sigma", "Υ": "\\Upsilon", "Φ": "\\Phi",
    "Ψ": "\\Psi", "Ω": "\\Omega", "ℝ": "\\mathbb{R}", "ℂ": "\\mathbb{C}", "ℕ": "\\mathbb{N}", "ℤ": "\\mathbb{Z}",
    "ℚ": "\\mathbb{Q}", "ℙ": "\\mathbb{P}", "≪": "\\ll", "≫": "\\gg", "∖": "\\setminus", "√": "\\surd",
    "■": "\\blacksquare",
    "□": "\\square", "†": "\\dagger", "‡": "\\ddagger", "ℵ": "\\aleph", "ℜ": "\\Re", "ℑ": "\\Im", "⊢": "\\vdash",
    "⊨": "\\models", "≺": "\\prec", "≻": "\\succ", "↑": "\\uparrow", "↓": "\\downarrow", "♯": "\\sharp",
    "•": "\\bullet",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u200b": "", "\xa0": " ", "\u2009": " ", "\u200a": " ",
    "\u2003": " ", "\u2002": " ", "\u2004": " ", "\u2005": " ", "\u2006": " ", "\u202f": " ",
    "\u205f": " ", "\ufeff": "",
}  # fmt: skip
"""Unicode signs and the command that prints them."""
