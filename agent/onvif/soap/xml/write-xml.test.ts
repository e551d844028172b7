import { expect, test } from 'vitest';
import { PerchError } from '../../../base/errors.ts';
import { writeXml } from './write-xml.ts';
import { find, readXml } from './xml.ts';

const write = (text: string, ...path: string[]) => {
  const element = find(readXml(Buffer.from(text), 1 << 20), ...path);
  return element && writeXml(element, { maxCharacters: 1_000 });
};

test.for([
  [
    'declarations that stand above it come with it',
    '<a xmlns:d="urn:d"><d:b d:c="1">7</d:b></a>',
    '<d:b xmlns:d="urn:d" d:c="1">7</d:b>',
  ],
  ['once for all that is inside', '<a xmlns:d="urn:d"><d:b><d:c/></d:b></a>', '<d:b xmlns:d="urn:d"><d:c/></d:b>'],
  ['the default one too', '<a xmlns="urn:a"><b><c xmlns="urn:c"/></b></a>', '<b xmlns="urn:a"><c xmlns="urn:c"/></b>'],
  [
    'texts and attributes stay what they are',
    '<a><b c="&quot;&lt;">&amp;<![CDATA[<]]></b></a>',
    '<b xmlns="" c="&#34;&#60;">&#38;&#60;</b>',
  ],
] as const)('%s', ([, text, expected]) => {
  expect(write(text, 'b')).toBe(expected);
});

test.for([
  ['too large', `<a><b>${'x'.repeat(1_000)}</b></a>`, 'at most 1000 are sent back'],
  ['too deep', `<a>${'<b>'.repeat(30)}${'</b>'.repeat(30)}</a>`, 'nested deeper than 16'],
  ['of an undeclared prefix', '<a><d:b/></a>', "prefix 'd' is not declared"],
] as const)('one that is %s is refused', ([, text, words]) => {
  expect(() => write(text, 'b')).toThrow(PerchError);
  expect(() => write(text, 'b')).toThrow(words);
});
