import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { threadCpuMs } from '../../../../test/support/base/thread-cpu.ts';
import { PerchError } from '../../../base/errors.ts';
import { repairXml } from './repair-xml.ts';
import { attributeOf, find, findText, localName, readCameraXml, readXml } from './xml.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string) => readCameraXml(bytesOf(text), 1 << 20);

const ADDRESS = 'rtsp://H/user=admin_password=x=0_stream=0&onvif=0.sdp?real_stream';

test.for([
  ['a bare & in an address', `<U>${ADDRESS}</U>`, ADDRESS],
  ['a bare & next to a right one', '<U>a&b&amp;c&lt;&#x41;</U>', 'a&b&c<A'],
  ['a reference without its end', '<U>a&lt=1&amp=2&#65=3</U>', 'a&lt=1&amp=2&#65=3'],
  ['entities of HTML', '<U>a&nbsp;b&copy;&uuml;</U>', 'a\u00a0b&copy;&uuml;'],
  ['references to what is no character', '<U>a&#0;&#x1f;&#xd800;&#x110000;b</U>', 'ab'],
  ['a bare < before a blank', '<U>5 < 6</U>', '5 < 6'],
  ['a bare < before a number', '<U>a<5</U>', 'a<5'],
  ['a bare < before a letter', '<U>a<b</U>', 'a<b'],
  ['many bare <', '<U><<a<<</U>', '<<a<<'],
  ['the end of a CDATA section in a text', '<U>a]]>b</U>', 'a]]>b'],
  ['a CDATA section in a broken document', '<U><![CDATA[<a>&amp;]]></U>&', '<a>&amp;'],
  ['control characters', '<U>a\u0000\u0001\u001b\u000bb\ufffe</U>', 'ab'],
  ['half a character', '<U>a\ud800b</U>', 'a\ufffdb'],
  ['hyphens in a comment', '<!-- a -- b ---><U>a<!-- c -- d -->b</U><!---->', 'ab'],
  ['an undeclared prefix', '<zz:U yy:a="1">a</zz:U>', 'a'],
  ['an end tag with attributes and blanks', '<U>a</ U b="1" >', 'a'],
  ['an end tag that fits nothing', '<U>a</V></U></W>', 'a'],
  ['an element that does not end', '<U>a<V></U>', 'a'],
  ['a processing instruction within', '<U>a<?xml version="1.0"?>b<? ?></U>', 'ab'],
  ['a declaration within', '<U>a<!ELEMENT x>b</U>', 'ab'],
] as const)('%s', ([, inner, text]) => {
  expect(findText(read(`<?xml version="1.0"?><E>${inner}</E>`), 'U')).toBe(text);
});

test.for([
  ['a bare &', 'A="a&b"', 'a&b'],
  ['a bare <', 'A="a<b>c"', 'a<b>c'],
  ['a quote of the other kind', `A='a"&b'`, 'a"&b'],
  ['no quotes', 'A=a/b&c', 'a/b&c'],
  ['a repeated name', 'A="1" a="2" A="3"', '1'],
  ['no blank before the next one', 'A="1"B="2"', '1'],
  ['blanks around =', 'A = "1" & B="2', '1'],
  ['a value that does not end', 'A="1" B="2', '1'],
  ['characters between', 'A="1", ; "" B="2"', '1'],
  ['a name that none can have', '1="2" A="1"', '1'],
] as const)('an attribute with %s', ([, attributes, value]) => {
  const root = read(`<E><U ${attributes}>x</U></E>`);
  expect(attributeOf(find(root, 'U'), 'A')).toBe(value);
});

const WHOLE = '<E><U>a</U></E>';
test.for([
  ['a byte order mark', `\ufeff${WHOLE}`],
  ['blank lines', `\r\n \n<?xml version="1.0"?>${WHOLE}`],
  ['text before the declaration', `0\r\nHTTP rest: <x>&\n<?xml version="1.0"?>${WHOLE}`],
  ['text before the root element', `garbage > ] ${WHOLE}`],
  ['two declarations', `<?xml version="1.0"?>\n<?xml version="1.0"?>${WHOLE}`],
  ['a declaration of nonsense', `<?xml version=1.0 encoding=?>${WHOLE}`],
  ['text after the root element', `${WHOLE}\n\n0\r\nOK & <done`],
  ['a second document', `${WHOLE}${WHOLE.replace('a', 'b')}`],
  ['a cut end tag', WHOLE.slice(0, -2)],
  ['no end tag', WHOLE.slice(0, -4)],
  ['a cut inner end tag', WHOLE.slice(0, -6)],
  ['a cut inner end tag without a name', WHOLE.slice(0, -7)],
  ['a cut next element', '<E><U>a</U><V b="1'],
  ['a cut text of the next element', '<E><U>a</U><V>rtsp://ho'],
  ['a cut comment', '<E><U>a</U><!-- a > b'],
  ['a cut CDATA section', '<E><U>a</U><V><![CDATA[a > b'],
] as const)('a document with %s', ([, text]) => {
  const root = read(text);
  expect([localName(root), findText(root, 'U'), findText(root, 'V')]).toEqual(['E', 'a', undefined]);
});

test('a text that may be cut is none', () => {
  expect(findText(read('<E><U>rtsp://host/str'), 'U')).toBeUndefined();
});

test.for(['', 'OK', '<', '</a>', '<!-- <a/> -->', '<!DOCTYPE html><html></html>', '{"a":1}', '\u0000'])(
  '%j is no XML document',
  (text) => {
    expect(() => read(text)).toThrow(PerchError);
  },
);

test("Perch's own services take well-formed documents only", () => {
  expect(() => readXml(bytesOf(`<E><U>${ADDRESS}</U></E>`), 1_000)).toThrow('not an XML document');
});

const SIZE = 1 << 18;
test.for([
  '<',
  '&',
  '<?',
  '<!--',
  '<![CDATA[',
  '<!a',
  '</',
  '</a',
  '</a>',
  '<a',
  '<a ',
  '<a b="',
  `<a b='" `,
  '<a b="<a c=\'',
  '<a>',
  '<a></b>',
  '<a a ',
  ' ',
  '<a   \n',
  'a=" ',
  '<a b="\'<a b=\'"',
  ']]>',
  '<E a="">&',
])('a quarter of a megabyte of %j is read or rejected in one pass', (piece) => {
  for (const frame of ['<E>', '<E a="', '<E ']) {
    const text = `${frame}${piece.repeat(Math.floor(SIZE / piece.length) - 8)}&</E>`;
    const startedMs = threadCpuMs();
    try {
      repairXml(text);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
    expect(threadCpuMs() - startedMs).toBeLessThan(5_000);
  }
});

test('a long name in an end tag without an end is read in one pass', () => {
  const startedMs = threadCpuMs();
  expect(repairXml(`<E></${'a'.repeat(100_000)}<U>x</U></E>`)).toContain('<U>x</U></E>');
  expect(threadCpuMs() - startedMs).toBeLessThan(1_000);
});

const CASES = byLength(3_000, 10_000);

test('whatever is repaired is well-formed, and what is well-formed keeps its content', () => {
  const next = random(77);
  const seeds = [
    `<?xml version="1.0" encoding="utf-8"?>\n<s:E xmlns:s="urn:s"><!-- c --><s:B a="1" b='2'><U>${ADDRESS}</U><![CDATA[x<y]]></s:B><V/></s:E>`,
    '<E><P token="p&1"><Name>Main & sub</Name><N>5 < 6</N><Q/></P><P token="p2"><Name>T\u00fcr</Name></P></E>',
  ].map(bytesOf);
  let repaired = 0;
  for (let i = 0; i < CASES; i += 1) {
    const bytes = mutate(seeds[i % 2] as Uint8Array, next);
    const text = new TextDecoder().decode(bytes);
    let whole: string | undefined;
    try {
      whole = readXml(bytes, 10_000).text;
    } catch {
      whole = undefined;
    }
    const root = repairXml(text);
    if (root !== '' && !text.includes('<!DOCTYPE')) {
      const mended = readXml(bytesOf(root), 20_000);
      repaired += 1;
      if (whole !== undefined) {
        expect(mended.text).toBe(whole);
      }
    }
  }
  expect(repaired).toBeGreaterThan(0.9 * CASES);
});
