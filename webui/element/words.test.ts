import { expect, test } from 'vitest';
import { sentenceOf, wordsFor } from './words.ts';

test.for([
  [['', 'zh-CN', 'en'], '正在连接…'],
  [['en', 'zh-CN'], 'Connecting…'],
  [['', 'de', 'zh'], '正在连接…'],
  [['', 'fr'], 'Connecting…'],
] as const)('languages %s: the message is %s', ([languages, said]) => {
  expect(wordsFor(languages).starting).toBe(said);
});

test('an unknown codec has a message', () => {
  expect(sentenceOf(wordsFor([]), { kind: 'codec' })).toContain('this video format');
  expect(sentenceOf(wordsFor([]), { kind: 'absent' })).toBe('No video from the camera. Retrying…');
});
