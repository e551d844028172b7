import { expect, test } from 'vitest';
import { en } from './en.ts';
import { pickLanguage } from './words.ts';
import { zhCn } from './zh-cn.ts';

test.for([
  [['zh-CN', 'en'], 'zh-CN'],
  [['zh-Hans-SG'], 'zh-CN'],
  [['de-DE', 'zh-CN'], 'zh-CN'],
  [['en-GB', 'zh-CN'], 'en'],
  [['fr'], 'en'],
  [[], 'en'],
] as const)('who asks for %s gets %s', ([wanted, expected]) => {
  expect(pickLanguage(wanted)).toBe(expected);
});

test('no sentence has a word of blame or alarm in it', () => {
  for (const [key, text] of Object.entries(en)) {
    const sentence = typeof text === 'string' ? text : (text as (...parts: string[]) => string)('1', '2');
    expect(sentence, key).not.toMatch(/error|please|oops|!|timeout|stream/i);
  }
});

test('Chinese has full-width punctuation, and a space between Chinese and digits', () => {
  for (const [key, text] of Object.entries(zhCn)) {
    const sentence = typeof text === 'string' ? text : (text as (...parts: string[]) => string)('12', '34');
    expect(sentence, key).not.toMatch(/\p{Script=Han}[0-9A-Za-z]|[0-9A-Za-z]\p{Script=Han}|\p{Script=Han}[,.!?:;]/u);
  }
});
