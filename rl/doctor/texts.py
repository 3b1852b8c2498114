"""Mathematical texts on which tokenizers are tried: LaTeX, signs, digits, code, runs of blanks.

Written for this purpose, in Unicode's composed form (NFC), which some tokenizers bring their input into. They hold no
control tokens.
"""

MATHEMATICS: tuple[str, ...] = (
    "Let p be a prime. What is 12 + 34?",
    r"\[ \int_0^{\infty} e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2} \]",
    r"$\begin{pmatrix} a_{11} & a_{12} \\ a_{21} & a_{22} \end{pmatrix}$ and \boxed{\dfrac{3}{4}}",
    "∀ε > 0 ∃δ > 0: |x − a| < δ ⇒ |f(x) − f(a)| < ε",
    "x² + y₁ ≤ ½·√3, ∑ᵢ aᵢ ∈ ℝ, ∫ 𝑓 𝑑𝑥 ≈ π, A ∖ B ≠ ∅, ⟨u, v⟩ = ‖u‖",
    "0 7 42 100 365 1000 1234567 3.14159265358979 1,000,000 1e-5 007",
    "-1 --2 +3 1/2 2^10 5! 50% $9.99 (x-1)(x+1)=x^2-1 a<b>c",
    "def f(n):\n    if n < 2:\n        return 1\n    return n * f(n - 1)\n\n\nprint(f(10))\n",
    "for i in range(3):\n\tx[i] += 1  # one\n\n\t\ty = {'a': [1, 2]}\n",
    "1)  two blanks   three    four\n\n\nthree new lines\n \n blank at the line's ends \n",
    "The answer is 6 . So , we don 't stop ( yet ) !",
    "Café naïve Gauß Erdős Пифагор 数学 定理 — “quotes” … 🧮",
)
LEADING_BLANKS: tuple[str, ...] = (" a", "  a", "    return 1", "\n a")
NUMBERS: tuple[str, ...] = ("7", "42", "365", "1024", "12345", "987654", "1234567", "31415926")
