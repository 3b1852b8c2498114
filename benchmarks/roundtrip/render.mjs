// Renders LaTeX with one of the real renderers, for benchmarks/formula_roundtrip.py.
// In, on stdin: one JSON a line, {"latex": "...", "display": true}. Out: one JSON a line, in the same order:
// {"form name": "<html>", ...} for the renderer, or {} where it refuses the formula.
// Usage: node render.mjs katex|temml|mathjax3|mathjax4|check
import {createRequire} from 'node:module';
import readline from 'node:readline';

const require = createRequire(import.meta.url);
const ANNOTATION = /<annotation[^>]*>[^]*?<\/annotation>/g;

function katexRenderer() {
  const katex = require('katex');
  const render = (latex, display, output) => katex.renderToString(latex, {displayMode: display, output, strict: false});
  return (latex, display) => ({
    'katex html+mathml': render(latex, display, 'htmlAndMathml'),
    'katex mathml': render(latex, display, 'mathml'),
    'katex mathml, no source': render(latex, display, 'mathml').replace(ANNOTATION, ''),
    'katex html only': display
      ? `<span class="katex-display">${render(latex, display, 'html')}</span>` : render(latex, display, 'html'),
  });
}

// What a formula prints, as KaTeX's MathML without the source: the benchmark's second equality.
function checker() {
  const katex = require('katex');
  return (latex, display) => ({
    check: katex.renderToString(latex, {displayMode: display, output: 'mathml', strict: false}).replace(ANNOTATION, ''),
  });
}

function temmlRenderer() {
  const temml = require('temml');
  const render = (latex, display, annotate) =>
    temml.renderToString(latex, {displayMode: display, annotate, throwOnError: true, trust: false});
  return (latex, display) => ({
    'temml': render(latex, display, true),
    'temml, no source': render(latex, display, false),
  });
}

function mathjaxRenderer(root, packages, fourth) {
  const load = (name) => require(`${root}/js/${name}`);
  const {mathjax} = load('mathjax.js');
  const {TeX} = load('input/tex.js');
  const {CHTML} = load('output/chtml.js');
  const {SVG} = load('output/svg.js');
  const {STATE} = load('core/MathItem.js');
  const {SerializedMmlVisitor} = load('core/MmlTree/SerializedMmlVisitor.js');
  const adaptor = load('adaptors/liteAdaptor.js').liteAdaptor();
  load('a11y/assistive-mml.js').AssistiveMmlHandler(load('handlers/html.js').RegisterHTMLHandler(adaptor));
  if (fourth) load('util/asyncLoad/node.js');
  const page = (output) => mathjax.document('', {
    InputJax: new TeX({packages, formatError: (_, error) => { throw error; }}), OutputJax: output,
  });
  const pages = {
    chtml: page(new CHTML({fontURL: 'fonts'})),
    svg: page(new SVG({fontCache: 'local'})),
  };
  const visitor = new SerializedMmlVisitor();
  const name = fourth ? 'mathjax4' : 'mathjax3';
  return async (latex, display) => {
    const forms = {};
    const tree = await mathjax.handleRetriesFor(() => pages.chtml.convert(latex, {display, end: STATE.CONVERT}));
    const mathml = visitor.visitTree(tree).replace(/ data-latex="[^"]*"/g, '').replace(/\n\s*/g, '');
    forms[`${name} mathml, no source`] = mathml;
    forms[`${name} mathml, no source, no data-mjx`] = mathml.replace(/ data-mjx-[a-z-]*="[^"]*"/g, '');
    for (const [output, document] of Object.entries(pages)) {
      const node = await mathjax.handleRetriesFor(() => document.convert(latex, {display}));
      const html = adaptor.outerHTML(node);
      if (html.includes('data-mjx-error')) throw new Error('refused');
      // Glyph outlines are most of the bytes and none of the information.
      const whole = html.replace(/ d="[^"]*"/g, ' d=""');
      const bare = whole.replace(/ data-latex="[^"]*"/g, '');
      if (fourth) forms[`${name} ${output}, data-latex`] = whole;
      forms[`${name} ${output}, assistive`] = bare;
      forms[`${name} ${output}, bare`] = bare.replace(/<mjx-assistive-mml[^]*?<\/mjx-assistive-mml>/g, '');
    }
    return forms;
  };
}

function packagesOf(root, wanted) {
  const paths = {
    base: 'base/Base', ams: 'ams/Ams', newcommand: 'newcommand/Newcommand', boldsymbol: 'boldsymbol/Boldsymbol',
    cancel: 'cancel/Cancel', color: 'color/Color', enclose: 'enclose/Enclose', textmacros: 'textmacros/TextMacros',
    noundefined: 'noundefined/NoUndefined', extpfeil: 'extpfeil/Extpfeil', unicode: 'unicode/Unicode',
  };
  for (const name of wanted) require(`${root}/js/input/tex/${paths[name]}Configuration.js`);
  return wanted;
}

const WANTED = ['base', 'ams', 'newcommand', 'boldsymbol', 'cancel', 'color', 'enclose'];
const RENDERERS = {
  katex: katexRenderer,
  check: checker,
  temml: temmlRenderer,
  mathjax3: () => mathjaxRenderer('mathjax-full', packagesOf('mathjax-full', WANTED), false),
  mathjax4: () => mathjaxRenderer('@mathjax/src', packagesOf('@mathjax/src', WANTED), true),
};

const render = RENDERERS[process.argv[2]]();
for await (const line of readline.createInterface({input: process.stdin})) {
  const {latex, display} = JSON.parse(line);
  let forms = {};
  try {
    forms = await render(latex, display);
  } catch (error) {
    forms = {};
  }
  process.stdout.write(JSON.stringify(forms) + '\n');
}
