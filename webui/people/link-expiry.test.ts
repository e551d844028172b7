import { expect, test } from 'vitest';
import { people as en } from '../words/en/settings/people.ts';
import { people as zh } from '../words/zh-cn/settings/people.ts';
import { expiryText, linkEnd, spanName } from './link-expiry.ts';

const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();
const now = at(20, 14);

test.for([
  [at(20, 17, 5), 'today, 17:05', '今天 17:05'],
  [at(20, 22), 'tonight, 22:00', '今晚 22:00'],
  [at(21, 0), 'tomorrow, 00:00', '明天 00:00'],
  [at(21, 22), 'tomorrow, 22:00', '明天 22:00'],
  [at(22, 9), 'Sunday 22 November, 09:00', '11 月 22 日星期日 09:00'],
] as const)('an end at %d is said as "%s"', ([ms, english, chinese]) => {
  expect(expiryText(ms, now, 'en-GB', en)).toBe(english);
  expect(expiryText(ms, now, 'zh-CN', zh)).toBe(chinese);
});

test('a link that works for a day ends at the same time of the next one', () => {
  expect(linkEnd('hour', now)).toBe(at(20, 15));
  expect(linkEnd('day', now)).toBe(at(21, 14));
  expect(linkEnd('week', now)).toBe(at(27, 14));
  expect(new Date(linkEnd('month', now)).getHours()).toBe(14);
});

test('how long it works is said in both languages', () => {
  expect(spanName('hour', 'en')).toBe('1 hour');
  expect(spanName('week', 'zh-CN')).toBe('1 周');
});
