import { expect, test } from 'vitest';
import { longDay, momentSeconds, shortDay, shortDayName } from './dates.ts';
import { common } from './en/common.ts';
import { common as zhCn } from './zh-cn/common.ts';

const english = { language: 'en-GB', words: common };
const chinese = { language: 'zh-CN', words: zhCn };
const at = (day: number, year = 2026) => new Date(year, 10, day, 14, 2, 8).getTime();
const NOW_MS = at(20);

test.for([
  [at(20), 'Today', '今天'],
  [at(19), 'Yesterday', '昨天'],
  [at(18), 'Wed 18 Nov', '11 月 18 日周三'],
  [at(1), 'Sun 1 Nov', '11 月 1 日周日'],
  [at(18, 2025), '18 Nov 2025', '2025 年 11 月 18 日'],
  [at(21), 'Sat 21 Nov', '11 月 21 日周六'],
] as const)('a day that is neither today nor yesterday has its month, and another year its number', ([ms, en, zh]) => {
  const plain = (text: string) => text.replace(',', '');
  expect(plain(shortDayName(ms, NOW_MS, english))).toBe(en);
  expect(shortDayName(ms, NOW_MS, chinese)).toBe(zh);
});

test('a moment to the second has its day unless it is today', () => {
  expect(momentSeconds(at(20), NOW_MS, english)).toBe('14:02:08');
  expect(momentSeconds(at(19), NOW_MS, english)).toBe('Yesterday 14:02:08');
});

test('long and short days have the year unless it is this one', () => {
  expect(shortDay(at(3), 'en-GB', NOW_MS)).toBe('3 November');
  expect(shortDay(at(3, 2025), 'en-GB', NOW_MS)).toBe('3 November 2025');
  expect(longDay(at(3, 2025), 'en-GB', NOW_MS)).toMatch(/^Monday,? 3 November 2025$/);
});
