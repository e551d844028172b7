import { expect, test } from 'vitest';
import { PerchError } from '../../../base/errors.ts';
import { elements, escapeXml, find, findNumber, findText, localName, plainLine, readXml } from './xml.ts';

const read = (text: string) => readXml(new TextEncoder().encode(text), 65_536);

test('elements are found by local name, with any prefix', () => {
  const root = read('<a:x xmlns:a="urn:a"><b:y>1</b:y><y> 2 </y><z><y>3</y></z></a:x>');
  expect(elements(root, 'y').length).toBe(2);
  expect(findText(root, 'y')).toBe('1');
  expect(findText(root, 'z', 'y')).toBe('3');
  expect(find(root, 'nothing', 'y')).toBeUndefined();
});

test('text is trimmed, entities are decoded, and numbers may be floats', () => {
  const root = read(
    '<x><uri>\n rtsp://h/a?b=1&amp;c=2&#x26;d </uri><fps>25.0</fps><no>ten</no><c><![CDATA[<k>]]></c></x>',
  );
  expect(findText(root, 'uri')).toBe('rtsp://h/a?b=1&c=2&d');
  expect(findNumber(root, 'fps')).toBe(25);
  expect(findNumber(root, 'no')).toBeUndefined();
  expect(findText(root, 'c')).toBe('<k>');
});

test('bytes around a document, as some cameras send them, are ignored', () => {
  expect(findText(read('\r\n\ufeff<?xml version="1.0"?><x><y>1</y></x>\0\0\n'), 'y')).toBe('1');
});

test.for([
  ['nothing', '', 'not an XML document'],
  ['a cut document', '<x><y>', 'not an XML document'],
  ['a document type', '<!DOCTYPE x><x/>', 'document type'],
  ['an unknown entity', '<x>&nbsp;</x>', 'not an XML document'],
  ['endless nesting', '<x>'.repeat(20_000), 'not an XML document'],
  ['more than the limit', `<x>${' '.repeat(65_536)}</x>`, 'at most 65536'],
] as const)('refuses %s', ([, text, message]) => {
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow(PerchError);
});

test.for([
  ['spaces in an element', `<x>${' '.repeat(1_000_000)}</x>`],
  ['spaces in an attribute', `<x y="${' '.repeat(1_000_000)}"/>`],
  ['line breaks', `<x>${'\r\n'.repeat(500_000)}</x>`],
  ['spaces around', `${' '.repeat(500_000)}<x/>${'\0'.repeat(500_000)}`],
] as const)('a megabyte of %s is read in one pass', ([, text]) => {
  // A pass for each space would take a quarter of an hour.
  expect(localName(readXml(new TextEncoder().encode(text), 1 << 20))).toBe('x');
});

test('deep nesting that can be parsed can be walked', () => {
  const depth = 500;
  expect(findText(read(`${'<x>'.repeat(depth)}1${'</x>'.repeat(depth)}`), 'x')).toBeUndefined();
});

test('shown text is one line of limited length without control characters', () => {
  expect(plainLine(' Front\n\u0000door\u2028x ')).toBe('Front door x');
  expect(plainLine('\u0007')).toBeUndefined();
  // Characters that reverse the text hide its meaning.
  expect(plainLine('\u202e\u2066door\u200f')).toBe('door');
  expect(plainLine(`${'a'.repeat(255)}😀`)).toBe(`${'a'.repeat(255)}\ufffd`);
  expect(plainLine('a'.repeat(1000))?.length).toBe(256);
});

test('escaped text survives a round trip', () => {
  const nasty = `<a b="c">&'`;
  expect(findText(read(`<x><y>${escapeXml(nasty)}</y></x>`), 'y')).toBe(nasty);
});
