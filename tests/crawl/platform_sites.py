# ruff: noqa: E501  (literal markup stays on one line)
"""Note-taking tools, code hosts, documentation generators and question sites: the formulas of each.

In and out of `test_extract_sites`. The pages were written for it, after the markup each site is known by; `site_pages` says what the signs in
them stand for. Every expected text was read by eye: inline and display apart, each formula once, in its place.
"""

from __future__ import annotations

SITES = {
    "notion": (
        r"""
<article class="page sans">
<header>
<h1 class="page-title">Notes</h1></header>
<div class="page-body">
<p id="a">{words} Let <style>@import url("x.css")</style>
<span data-token-index="1" contenteditable="false" class="notion-text-equation-token" style="user-select:all">
<span></span>⟦a_1⟧<span>﻿</span></span> be.</p>
<figure id="b" class="equation">
<style>@import url("k.css")</style>
<div class="equation-container">⟦⟦b^2⟧⟧</div></figure>
<p>{words} </p></div></article>
""",
        r"""
# Notes

{words} Let $a_1$ be.

$$
b^2
$$

{words}
""",
    ),
    "github": (
        r"""
<article class="markdown-body entry-content">
<p>{words} <math-renderer class="js-inline-math" style="display: inline-block" data-run-id="1">$a+b$</math-renderer> end</p><math-renderer class="js-display-math" style="display: block" data-run-id="1">$$c=d$$</math-renderer>
<div class="highlight highlight-source-shell"><pre>x</pre></div></article>
""",
        r"""
{words} $a+b$ end

$$
c=d
$$

```
x
```
""",
    ),
    "gitlab": (
        r"""
<div class="md">
<p data-sourcepos="1:1-1:4">{words} <code data-math-style="inline" class="code math js-render-math">a^2</code></p><pre data-math-style="display" class="js-render-math code math"><code>b^2</code></pre>
<p>{words} <span class="js-render-math" data-math-style="inline">⟦q⟧</span></p></div>
""",
        r"""
{words} $a^2$

$$
b^2
$$

{words} $q$
""",
    ),
    "discourse": (
        r"""
<div class="topic-post">
<div class="cooked">
<p>{words} so <span class="math" data-applied-mathjax="true">x_1</span> ok</p>
<div class="math" data-applied-mathjax="true">
y = 2
</div>
<p>done</p></div></div>
""",
        r"""
{words} so $x_1$ ok

$$
y = 2
$$

done
""",
    ),
    "quora": (
        r"""
<div class="q-text">
<p class="q-text">{words} <span class="q-inlineBlock q-tex">
<span class="render_latex">
<span data-latex="x^2">[math]x^2[/math]</span></span></span> and [math]y_1[/math].</p></div>
""",
        r"""
{words} $x^2$ and $y_1$.
""",
    ),
    "zhihu": (
        r"""
<div class="RichText ztext Post-RichText">
<p>{words} 令 <img src="https://www.zhihu.com/equation?tex=a_1" alt="a_1" eeimg="1"/> 和 <span class="ztext-math" data-eeimg="1" data-tex="b_2">
<span></span>
<span>
<span class="MathJax_Preview"></span>
<span class="MathJax_SVG"><svg></svg></span>
<script type="math/tex;mode=inline" id="m">b_2</script></span></span></p>
<p>
<img src="https://www.zhihu.com/equation?tex=c%3Dd+%5C%5C" alt="c=d \\" eeimg="2"/></p></div>
""",
        r"""
{words} 令 $a_1$ 和 $b_2$

$$
c=d
$$
""",
    ),
    "csdn": (
        r"""
<div id="content_views" class="markdown_views prism-atom-one-light">
<p>{words} 设 <span class="katex--inline">⟦x_i⟧</span> 为</p>
<p>
<span class="katex--display">
<span class="katex-display">⟦y=1⟧</span></span></p></div>
""",
        r"""
{words} 设 $x_i$ 为

$$
y=1
$$
""",
    ),
    "substack": (
        r"""
<div class="available-content">
<div class="body markup">
<p>{words} </p>
<div class="latex-rendered" data-attrs="{&quot;persistentExpression&quot;:&quot;a=b&quot;,&quot;id&quot;:&quot;X&quot;}" data-component-name="LatexBlockToDOM">⟦⟦a=b⟧⟧</div></div></div>
""",
        r"""
{words}

$$
a=b
$$
""",
    ),
    "obsidian": (
        r"""
<div class="markdown-preview-view">
<p>{words} <span class="math math-inline is-loaded">
<mjx-container class="MathJax" jax="CHTML">
<mjx-math class="MJX-TEX">
<mjx-mi class="mjx-i">
<mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi></mjx-math></mjx-container></span></p>
<div>
<span class="math math-block is-loaded">
<mjx-container class="MathJax" jax="CHTML" display="true">
<mjx-math display="true" class="MJX-TEX">
<mjx-mi class="mjx-i">
<mjx-c class="mjx-c1D466 TEX-I"></mjx-c></mjx-mi></mjx-math></mjx-container></span></div></div>
""",
        r"""
{words} $x$

$$
y
$$
""",
    ),
    "overleaf": (
        r"""
<p>{words} \(E=mc^2\)</p>
<div class="code"><pre><code>\begin{equation} x \end{equation}</code></pre></div>
<p>\[E=mc^3\]</p>
<script src="https://cdn/mathjax@3/es5/tex-mml-chtml.js"></script>
""",
        r"""
{words} $E=mc^2$

```
\begin{equation} x \end{equation}
```

$$
E=mc^3
$$
""",
    ),
    "nbconvert": (
        r"""
<div class="jp-Cell">
<div class="jp-RenderedHTMLCommon jp-RenderedMarkdown">
<h1 id="T">T<a class="anchor-link" href="#T">&#182;</a></h1>
<p>{words} $\alpha$ and</p>$$a=b$$<p>end</p></div></div>
<div class="jp-OutputArea-output jp-RenderedLatex">$\displaystyle x^{2}$</div>
<script src="https://cdnjs/mathjax/2.7/latest.js?config=TeX-AMS_CHTML-full,Safe"></script>
""",
        r"""
# T

{words} $\alpha$ and

$$
a=b
$$

end

$x^{2}$
""",
    ),
    "proofwiki2": (
        r"""
<p>{words} \(\ds \) and \(\) and \(\ds x\) end</p>
<script src="/MathJax.js"></script>
<script type="text/x-mathjax-config">MathJax.Hub.Config({TeX:{Macros:{ds:"{\\displaystyle}"}}})</script>
""",
        r"""
{words} and and $x$ end
""",
    ),
    "typora": (
        r"""
<div id="write">
<p>
<span>{words} </span>
<span class="md-inline-math">
<mjx-container class="MathJax" jax="SVG"><svg><defs></defs></svg><mjx-assistive-mml>
<math><mi>x</mi></math></mjx-assistive-mml></mjx-container>
<script type="math/tex">x_0</script></span></p>
<div contenteditable="false" class="mathjax-block md-end-block md-math-block">
<div class="md-rawblock-container md-math-container">
<div class="MathJax_SVG_Display">
<span class="MathJax_SVG" id="MathJax-Element-9-Frame"><svg></svg></span></div>
<script type="math/tex; mode=display" id="MathJax-Element-9">y_0</script></div></div></div>
""",
        r"""
{words} $x_0$

$$
y_0
$$
""",
    ),
    "docusaurus": (
        r"""
<main>
<article>
<div class="theme-doc-markdown markdown">
<header>
<h1>Title</h1></header>
<p>{words} ⟦I⟧</p>
<div class="math math-display">⟦⟦J⟧⟧</div></div></article></main>
""",
        r"""
# Title

{words} $I$

$$
J
$$
""",
    ),
    "rehype": (
        r"""
<p>{words} <span class="math math-inline">⟦I⟧</span></p>
<div class="math math-display">⟦⟦J⟧⟧</div>
<p><code class="language-math math-inline">k</code></p><pre><code class="language-math math-display">L</code></pre>
""",
        r"""
{words} $I$

$$
J
$$

$k$

$$
L
$$
""",
    ),
    "quarto": (
        r"""
<p>{words} <span class="math inline">\(x\)</span> and <span id="eq-a">
<span class="math display">\[a=b\tag{1}\]</span></span> end</p>
""",
        r"""
{words} $x$ and

$$
a=b\tag{1}
$$

end
""",
    ),
    "chatgpt": (
        r"""
<div class="markdown prose">
<p>{words} ⟦m⟧</p>
<span class="katex-display">⟦n=1⟧</span>
<ul>
<li>⟦k⟧: yes</li></ul></div>
""",
        r"""
{words} $m$

$$
n=1
$$

- $k$: yes
""",
    ),
    "mathpix": (
        r"""
<p>{words} <span class="math-inline ">
<mjx-container class="MathJax" jax="SVG"><svg></svg></mjx-container><mathml style="display: none;">
<math><mi>x</mi></math></mathml><latex style="display: none">x_5</latex></span></p>
""",
        r"""
{words} $x_5$
""",
    ),
    "trilium": (
        r"""
<p>{words} <span class="math-tex">\(a+b\)</span></p>
<p>
<span class="math-tex">\[c\]</span></p>
""",
        r"""
{words} $a+b$

$$
c
$$
""",
    ),
    "mkdocs": (
        r"""
<article class="md-content__inner md-typeset">
<p>{words} <span class="arithmatex">\(x\)</span></p>
<div class="arithmatex">\[y\]</div></article>
""",
        r"""
{words} $x$

$$
y
$$
""",
    ),
    "tiddly": (
        r"""
<p>{words} <img class="tex" src="/cgi-bin/mathtex.cgi?\small x"></p>
""",
        r"""
{words} $x$
""",
    ),
}
