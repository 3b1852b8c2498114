# ruff: noqa: E501  (literal markup stays on one line)
"""Encyclopedias, journals, forums and blogs: the formulas of each, and the text around them.

In and out of `test_extract_sites`. The pages were written for it, after the markup each site is known by; `site_pages` says what the signs in
them stand for. Every expected text was read by eye: inline and display apart, each formula once, in its place.
"""

from __future__ import annotations

SITES = {
    "hugo": (
        r"""
<article class="post">
<h1>Post</h1>
<p>{words} We have $a_1 &lt; b$ and</p>
<p>$$
\int_0^1 f\,dx
$$</p>
<p>{words} cost $5 and $6.</p></article>
""",
        r"""
# Post

{words} We have $a_1 < b$ and

$$
\int_0^1 f\,dx
$$

{words} cost \$5 and \$6.
""",
    ),
    "parsoid": (
        r"""
<section data-mw-section-id="0">
<p>{words} <span class="mwe-math-element mwe-math-element-inline" typeof="mw:Extension/math">
<span class="mwe-math-mathml-inline mwe-math-mathml-a11y" style="display: none;">
<math alttext="{\displaystyle k}">
<semantics><mrow><mi>k</mi></mrow>
<annotation encoding="application/x-tex">{\displaystyle k}</annotation></semantics></math></span>
<img src="/r/1" class="mwe-math-fallback-image-inline" alt="{\displaystyle k}"></span></p>
<dl>
<dd>
<span class="mwe-math-element mwe-math-element-block">
<span class="mwe-math-mathml-display mwe-math-mathml-a11y" style="display: none;">
<math display="block" alttext="{\displaystyle k=1}">
<semantics><mi>k</mi>
<annotation encoding="application/x-tex">{\displaystyle k=1}</annotation></semantics></math></span>
<img class="mwe-math-fallback-image-display" alt="{\displaystyle k=1}"></span></dd></dl></section>
""",
        r"""
{words} $k$

$$
k=1
$$
""",
    ),
    "springer": (
        r"""
<div class="c-article-body">
<p>{words} Let <span class="mathjax-tex">\(x_1\)</span> and <span class="inline-formula">
<math><mi>y</mi></math></span>.</p>
<div id="Equ1" class="c-article-equation">
<div class="c-article-equation__content">
<span class="mathjax-tex">$$\begin{aligned} a=b \end{aligned}$$</span></div>
<div class="c-article-equation__number">(1)</div></div></div>
""",
        r"""
{words} Let $x_1$ and $y$.

$$
\begin{aligned} a=b \end{aligned}
$$

(1)
""",
    ),
    "mdpi": (
        r"""
<div class="html-p">{words} <math display="inline">
<semantics><msub><mi>x</mi><mn>1</mn></msub></semantics></math></div>
<div class="html-disp-formula-info" id="FD1">
<div class="f">
<math display="block">
<semantics><mrow><mi>y</mi><mo>=</mo><mn>1</mn></mrow></semantics></math></div>
<div class="l"><label>(1)</label></div></div>
""",
        r"""
{words} $x_1$

$$
y = 1
$$

(1)
""",
    ),
    "planetmath": (
        r"""
<div class="ltx_page_content">
<p class="ltx_p">{words} <math class="ltx_Math" alttext="R" display="inline"><mi>R</mi></math></p>
<table class="ltx_equation ltx_eqn_table">
<tbody>
<tr class="ltx_equation ltx_eqn_row ltx_align_baseline">
<td class="ltx_eqn_cell ltx_eqn_center_padleft"></td>
<td class="ltx_eqn_cell ltx_align_center">
<math alttext="a=b" class="ltx_Math" display="block"><mi>a</mi></math></td></tr></tbody></table></div>
""",
        r"""
{words} $R$

$$
a=b
$$
""",
    ),
    "eom": (
        r"""
<div id="mw-content-text">
<p>{words} $A$ and \begin{equation}\label{e1} a=b \end{equation} where <img class="tex" alt="$X$" src="x.png"></p></div>
<script src="/MathJax.js?config=TeX-AMS_HTML"></script>
<script type="text/x-mathjax-config">MathJax.Hub.Config({tex2jax:{inlineMath:[["$","$"],["\\(","\\)"]]}})</script>
""",
        r"""
{words} $A$ and

$$
\label{e1} a=b
$$

where $X$
""",
    ),
    "physicsforums": (
        r"""
<article class="message-body">
<div class="bbWrapper">{words} ##x_1## and $$a=b$$ then [itex]y[/itex] and [tex]z=1[/tex]</div></article>
<script>MathJax = { tex: { inlineMath: [["##","##"]], displayMath: [["$$","$$"]] } };</script>
""",
        r"""
{words} $x_1$ and

$$
a=b
$$

then $y$ and $z=1$
""",
    ),
    "terrytao": (
        r"""
<div class="entry">
<p>{words} Let <img src="https://s0.wp.com/latex.php?latex=%7Bx%7D&amp;bg=ffffff&amp;fg=000000&amp;s=0&amp;c=20201002" srcset="https://s0.wp.com/latex.php?latex=x" alt="{x}" class="latex" /> be</p>
<p align="center">
<img src="https://s0.wp.com/latex.php?latex=%5Cdisplaystyle++a+%3D+b+%5C+%5C+%5C+%5C+%5C+%281%29&amp;bg=ffffff" alt="\displaystyle a = b \ \ \ \ \ (1)" class="latex" /></p>
<p>{words} </p></div>
""",
        r"""
{words} Let $x$ be

$$
a = b \ \ \ \ \ (1)
$$

{words}
""",
    ),
    "proofwiki": (
        r"""
<div id="mw-content-text">
<div class="mw-parser-output">
<h2>
<span class="mw-headline">Theorem</span></h2>
<p>{words} $x \in \R$.</p>
<dl>
<dd>$\ds \int_0^1 = 2$</dd></dl>
<table class="pwtable">
<tr>
<td>\(\ds \)</td>
<td>\(\ds a\)</td>
<td>\(=\)</td>
<td>\(\ds b\)</td>
<td>Def</td></tr>
<tr>
<td>\(\ds \)</td>
<td>\(\)</td>
<td>\(=\)</td>
<td>\(\ds c\)</td>
<td></td></tr></table></div></div>
<script src="/MathJax.js"></script>
<script type="text/x-mathjax-config">MathJax.Hub.Config({tex2jax:{inlineMath:[["$","$"],["\\(","\\)"]]},TeX:{Macros:{ds:"{\\displaystyle}",R:"{\\mathbb R}"}}})</script>
""",
        r"""
## Theorem

{words} $x \in {\mathbb R}$.

$\int_0^1 = 2$

| $a$ | $=$ | $b$ | Def |
| --- | --- | --- | --- |
|  | $=$ | $c$ |  |
""",
    ),
    "ar5iv": (
        r"""
<article class="ltx_document">
<div class="ltx_para">
<p class="ltx_p">{words} <math class="ltx_Math" alttext="f:X\to Y" display="inline">
<semantics><mi>f</mi><annotation-xml encoding="MathML-Content"><ci>f</ci></annotation-xml>
<annotation encoding="application/x-tex">f:X\to Y</annotation></semantics></math>.</p>
<table class="ltx_equationgroup ltx_eqn_align ltx_eqn_table">
<tbody id="S1.E1">
<tr class="ltx_equation ltx_eqn_row">
<td class="ltx_eqn_cell ltx_eqn_center_padleft"></td>
<td class="ltx_td ltx_align_right ltx_eqn_cell">
<math alttext="\displaystyle a" display="inline"><mi>a</mi></math></td>
<td class="ltx_td ltx_align_left ltx_eqn_cell">
<math alttext="\displaystyle=b" display="inline"><mi>b</mi></math></td>
<td class="ltx_eqn_cell ltx_eqn_eqno">
<span class="ltx_tag ltx_tag_equation ltx_align_right">(1)</span></td></tr></tbody></table></div></article>
""",
        r"""
{words} $f:X\to Y$.

$$
\begin{align}
a & =b \tag{1}
\end{align}
$$
""",
    ),
    "mse-answer": (
        r"""
<div class="s-prose js-post-body">
<p>{words} <span class="math-container" id="1">
<span class="MathJax_Preview" style="color: inherit; display: none;"></span>
<span class="MathJax" id="MathJax-Element-1-Frame" data-mathml="&lt;math&gt;&lt;mi&gt;x&lt;/mi&gt;&lt;/math&gt;">
<nobr>x</nobr></span>
<script type="math/tex" id="MathJax-Element-1">x</script></span></p></div>
""",
        r"""
{words} $x$
""",
    ),
    "wikidot": (
        r"""
<div id="page-content">
<p>{words} <span class="math-inline">$x_1$</span> ok</p>
<span class="equation-number">(1)</span>
<div class="math-equation" id="equation-1">\begin{equation} a = b \end{equation}</div></div>
<script src="MathJax.js"></script>
""",
        r"""
{words} $x_1$ ok

(1)

$$
a = b
$$
""",
    ),
    "latex2html": (
        r"""
<P>{words} <!-- MATH $x^2$ --><IMG WIDTH="10" ALIGN="MIDDLE" SRC="img1.png" ALT="$x^2$"> ok <P></P><DIV ALIGN="CENTER"><!-- MATH \begin{displaymath} y \end{displaymath} --><IMG SRC="img2.png" ALT="\begin{displaymath}
y = 1
\end{displaymath}"></DIV><P></P>
""",
        r"""
{words} $x^2$ ok

$$
y = 1
$$
""",
    ),
    "fandom": (
        r"""
<div class="mw-parser-output">
<p>{words} <img class="mwe-math-fallback-image-inline" alt="{\displaystyle q}" src="x.svg"></p></div>
""",
        r"""
{words} $q$
""",
    ),
    "stacks": (
        r"""
<article class="env-lemma">
<p>{words} Let $f : X \to Y$ be. Then $$a = b$$ and \[ c \]</p></article>
<script>MathJax = {tex: {inlineMath: [["$","$"]]}}</script>
""",
        r"""
{words} Let $f : X \to Y$ be. Then

$$
a = b
$$

and

$$
c
$$
""",
    ),
    "aops": (
        r"""
<p>{words} <img src="//latex.artofproblemsolving.com/1/a.png" class="latex" alt="$x^2$" style="vertical-align: 0px"> and <img class="latexcenter" alt="\[y=1\]" src="//latex.artofproblemsolving.com/b.png"></p>
""",
        r"""
{words} $x^2$ and

$$
y=1
$$
""",
    ),
    "raw-nomathjax": (
        r"""
<p>{words} so $x^2+y^2=r^2$ and $n$ is prime; it costs $20 and $30.</p>
<p>\begin{align} a &amp;= b \\ c &amp;= d \end{align}</p>
""",
        r"""
{words} so $x^2+y^2=r^2$ and $n$ is prime; it costs \$20 and \$30.

$$
\begin{align} a &= b \\ c &= d \end{align}
$$
""",
    ),
    "kramdown": (
        r"""
<div class="post-content">
<p>{words} <script type="math/tex">a</script></p>
<script type="math/tex; mode=display">% <![CDATA[
\begin{align} a &amp;= b \end{align} %]]></script></div>
""",
        r"""
{words} $a$

$$
\begin{align} a &= b \end{align}
$$
""",
    ),
    "wolfram": (
        r"""
<p>{words} <img src="i/Inline1.svg" class="inlineformula" width="8" alt="x"></p>
<div>
<table class="displayequation numberedequation">
<tr>
<td>
<img src="n1.svg" class="numberedequation" alt=" x^2+y^2=z^2. "></td>
<td>(1)</td></tr></table></div>
""",
        r"""
{words} $x$

$$
x^2+y^2=z^2.
$$

(1)
""",
    ),
    "jats": (
        r"""
<p>{words} <span class="inline-formula">
<alternatives>
<tex-math>\documentclass[12pt]{minimal} \usepackage{amsmath} \begin{document}$$\alpha$$\end{document}</tex-math>
<mml:math><mml:mi>α</mml:mi><mml:mspace width="2pt"/><mml:mi>b</mml:mi></mml:math></alternatives></span> and <mml:math><mml:mi>c</mml:mi><mml:mspace width="1em"/><mml:mi>d</mml:mi></mml:math></p>
<div class="disp-formula">
<mml:math display="block"><mml:mi>a</mml:mi><mml:mo>=</mml:mo><mml:mi>b</mml:mi></mml:math></div>
""",
        r"""
{words} $\alpha$ and $c\quad d$

$$
a = b
$$
""",
    ),
}
