// Reads AsciiMath with MathJax's own reader, for benchmarks/formula_roundtrip.py.
// In, on stdin: one expression a line. Out: one JSON string a line, in the same order: its MathML.
import {createRequire} from 'node:module';
import readline from 'node:readline';

const require = createRequire(import.meta.url);
const {mathjax} = require('mathjax-full/js/mathjax.js');
const {AsciiMath} = require('mathjax-full/js/input/asciimath.js');
const {SerializedMmlVisitor} = require('mathjax-full/js/core/MmlTree/SerializedMmlVisitor.js');
const {STATE} = require('mathjax-full/js/core/MathItem.js');
const adaptor = require('mathjax-full/js/adaptors/liteAdaptor.js').liteAdaptor();
require('mathjax-full/js/handlers/html.js').RegisterHTMLHandler(adaptor);

const page = mathjax.document('', {InputJax: new AsciiMath()});
const visitor = new SerializedMmlVisitor();
for await (const line of readline.createInterface({input: process.stdin})) {
  const tree = page.convert(line, {display: false, end: STATE.CONVERT});
  process.stdout.write(JSON.stringify(visitor.visitTree(tree).replace(/\n\s*/g, '')) + '\n');
}
