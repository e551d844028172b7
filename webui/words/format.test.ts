import { expect, test } from 'vitest';
import { clockKeys, clockOf, parseClock } from './clock-text.ts';
import { dayName, monthName, shortDay } from './dates.ts';
import { common as en } from './en/common.ts';
import {
  bitRate,
  byteSize,
  clock,
  clockSeconds,
  duration,
  listed,
  longDuration,
  moment,
  nextDay,
  percent,
} from './format.ts';
import { common as zhCn } from './zh-cn/common.ts';

const english = { language: 'en-GB', words: en };
const american = { language: 'en-US', words: en };
const chinese = { language: 'zh-CN', words: zhCn };
const at = (day: number, hour: number, minute: number, month = 10, year = 2026) =>
  new Date(year, month, day, hour, minute, 8).getTime();
/** A Friday. */
const now = at(20, 14, 32);

test.for([
  ['today', at(20, 0, 5), '00:05'],
  ['yesterday', at(19, 23, 59), 'yesterday 23:59'],
  ['this week', at(17, 14, 2), 'Tue 17 Nov 14:02'],
  ['before', at(3, 9, 15), '3 November 09:15'],
  ['another year', at(31, 9, 15, 11, 2025), '31 December 2025 09:15'],
] as const)('a moment of %s has its usual form', ([, ms, expected]) => {
  expect(moment(ms, now, english)).toBe(expected);
});

test('days have their usual names', () => {
  const names = [at(20, 1, 0), at(19, 1, 0), at(17, 1, 0)].map((ms) => dayName(ms, now, english));
  expect(names).toEqual(['Today', 'Yesterday', 'Tuesday 17 November']);
  expect(dayName(at(17, 1, 0), now, american)).toBe('Tuesday, November 17');
  expect(dayName(at(17, 1, 0), now, chinese)).toBe('11 月 17 日星期二');
  expect(moment(at(3, 9, 15), now, chinese)).toBe('11 月 3 日 09:15');
  expect(monthName(now, chinese.language)).toBe('2026 年 11 月');
  expect(shortDay(now, english.language, now)).toBe('20 November');
  expect(dayName(at(19, 1, 0), now, chinese)).toBe('昨天');
  expect(moment(at(19, 8, 0), now, chinese)).toBe('昨天 08:00');
});

test.for([
  ['en-GB', '00:00:08', '14:02', '09:15'],
  ['en-US', '12:00:08 AM', '2:02 PM', '9:15 AM'],
  ['en-US-u-hc-h23', '00:00:08', '14:02', '09:15'],
  ['zh-CN', '00:00:08', '14:02', '09:15'],
  ['zh-CN-u-hc-h12', '上午 12:00:08', '下午 2:02', '上午 9:15'],
] as const)('the clock of %s', ([language, midnight, afternoon, morning]) => {
  // Intl separates AM and PM by a narrow space.
  const texts = [clockSeconds(at(20, 0, 0), language), clock(at(20, 14, 2), language), clockOf('09:15', language)];
  expect(texts.map((text) => text.replaceAll('\u202f', ' '))).toEqual([midnight, afternoon, morning]);
});

test('the next day starts at midnight or its first moment, for any length of the day', () => {
  for (let day = at(1, 15, 0, 0); day < at(1, 0, 0, 0, 2027); day = nextDay(day)) {
    const date = new Date(day);
    expect(nextDay(day)).toBe(new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime());
  }
});

test.for([
  [0, '0 kbit/s'],
  [999, '0 kbit/s'],
  [64_000, '64 kbit/s'],
  [999_499, '999 kbit/s'],
  [999_500, '1 Mbit/s'],
  [4_240_000, '4.2 Mbit/s'],
  [123_400_000, '123 Mbit/s'],
] as const)('%i bits per second are %s', ([bits, expected]) => {
  expect(bitRate(bits, 'en')).toBe(expected);
});

test.for([
  [0, '0 B'],
  [999, '999 B'],
  [142e6, '142 MB'],
  [4.06e9, '4.1 GB'],
  [1.82e12, '1.8 TB'],
  [29.6e9, '30 GB'],
] as const)('%d bytes are %s', ([bytes, expected]) => {
  expect(byteSize(bytes, 'en')).toBe(expected);
});

test('durations have a suitable unit', () => {
  expect([400, 42_000, 60_000, 3_600_000].map((ms) => duration(ms, english))).toEqual([
    '1 s',
    '42 s',
    '1 min',
    '60 min',
  ]);
  const hour = 3_600_000;
  expect([1000, hour, 5 * hour, 47 * hour, 23 * 24 * hour].map((ms) => longDuration(ms, 'en'))).toEqual([
    '1 minute',
    '60 minutes',
    '5 hours',
    '47 hours',
    '23 days',
  ]);
  expect(longDuration(23 * 24 * hour, 'zh-CN')).toBe('23 天');
  expect(percent(0.174, 'en')).toBe('17%');
});

test('names in a list are separated, also in Chinese', () => {
  expect(listed(['Garden', 'Barn', 'Hall'], 'en-GB')).toBe('Garden, Barn, Hall');
  expect(listed(['花园', '马厩', '门厅'], 'zh-CN')).toBe('花园、马厩、门厅');
  expect(listed(['Garden'], 'en-GB')).toBe('Garden');
});

test.for([
  ['22:30', '22:30'],
  ['2230', '22:30'],
  ['8', '08:00'],
  [' 8：05 ', '08:05'],
  ['10:30\u202fPM', '22:30'],
  ['12.05 a.m.', '00:05'],
  ['12 pm', '12:00'],
  ['下午 10:30', '22:30'],
  ['上午12:05', '00:05'],
  ['24:00', undefined],
  ['12:60', undefined],
  ['13 pm', undefined],
  ['0 am', undefined],
  ['soon', undefined],
  ['', undefined],
] as const)('the time typed as %s is %s', ([typed, time]) => {
  expect(parseClock(typed)).toBe(time);
});

test.for(['en-US', 'en-GB', 'en-AU', 'en-CA', 'zh-CN', 'zh-CN-u-hc-h12', 'en-US-u-hc-h23'])(
  'each time that is shown in %s is understood',
  (language) => {
    for (const time of ['00:00', '00:05', '09:15', '12:00', '12:30', '13:00', '23:59']) {
      expect(parseClock(clockOf(time, language))).toBe(time);
    }
  },
);

test('phones show digits for times, and letters where times have am and pm', () => {
  expect(['en-GB', 'zh-CN', 'en-US', 'en-US-u-hc-h23'].map(clockKeys)).toEqual([
    'numeric',
    'numeric',
    'text',
    'numeric',
  ]);
});
