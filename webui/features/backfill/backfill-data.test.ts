import { expect, test } from 'vitest';
import type { BackfillItem } from '../../../agent/features/backfill/routes.ts';
import {
  failureOf,
  keysOf,
  mayHaveCard,
  NO_LIMIT,
  OF_LINK,
  rateText,
  rowText,
  sentencesOf,
  settingsOf,
} from './backfill-data.ts';
import { en } from './words/en.ts';
import { zhCn } from './words/zh-cn.ts';

test('the keys of a path are a switch, hours and a rate', () => {
  expect(settingsOf({})).toEqual({ isOn: true, hours: '', rate: OF_LINK });
  expect(settingsOf({ backfill: false, backfillHours: '22:00-06:00', backfillMaxRate: '512K' })).toEqual({
    isOn: false,
    hours: '22:00-06:00',
    rate: 0.5,
  });
  expect(settingsOf({ backfillMaxRate: '0B' }).rate).toBe(NO_LIMIT);
  expect(settingsOf({ backfillMaxRate: 'auto' }).rate).toBe(OF_LINK);
  expect(keysOf({ rate: OF_LINK })).toEqual({ backfillMaxRate: 'auto' });
  expect(keysOf({ isOn: true, rate: NO_LIMIT })).toEqual({ backfill: true, backfillMaxRate: '0B' });
  expect(keysOf({ rate: 0.25, hours: '' })).toEqual({ backfillHours: '', backfillMaxRate: '256K' });
  expect(keysOf({ rate: 5 })).toEqual({ backfillMaxRate: '5M' });
});

test('a camera with ONVIF may have a card, also if it is not recorded', () => {
  expect(mayHaveCard({ camera: { onvif: 'http://192.168.1.20/onvif/device_service' } })).toBe(true);
  expect(mayHaveCard({ camera: {} })).toBe(false);
  expect(mayHaveCard({})).toBe(false);
});

test('of a camera that is not recorded, the card is named, and that nothing is fetched', () => {
  const item = { ...ITEM, waitsFor: 'notRecorded' } as const;
  expect(rowText({}, item, en, EN)).toBe(
    'Has a card with 6 days of recordings · Nothing is fetched: the camera is not recorded.',
  );
  expect(rowText({}, { ...item, card: null, state: 'noCard' }, en, EN)).toBe('No card');
  expect(sentencesOf(item, en, EN)).toEqual([
    "The camera's card holds 6 days of recordings.",
    'Nothing is fetched: the camera is not recorded.',
  ]);
});

test('the rate is megabytes a second, a quarter of the link, or has no limit', () => {
  expect([
    rateText(OF_LINK, en, 'en'),
    rateText(0.25, en, 'en'),
    rateText(NO_LIMIT, en, 'en'),
    rateText(3, zhCn, 'zh-CN'),
  ]).toEqual(['A quarter of the link', '0.25 MB/s', 'No limit', '3 MB/s']);
});

const EN = {
  language: 'en',
  nowMs: Date.parse('2026-03-08T11:00:00Z'),
  timeOf: (ms: number) => new Date(ms).toISOString().slice(11, 16),
};

const ITEM: BackfillItem = {
  path: 'door',
  card: { from: '2026-03-01T00:00:00Z', until: '2026-03-07T12:00:00Z', recordings: 3 },
  state: 'idle',
  gaps: 0,
  ...{ fetching: null, waitsFor: null, retryTime: null, linkBytesPerSecond: null },
  fetchedSeconds: 0,
  tooLarge: 0,
  unfilled: { notOnCard: 0, inDoubt: 0 },
  error: null,
};

test('a card is named with how much it holds', () => {
  expect(sentencesOf(ITEM, en, EN)).toEqual(["The camera's card holds 6 days of recordings.", 'No gaps to fill.']);
  expect(sentencesOf(ITEM, zhCn, { ...EN, language: 'zh-CN' })[0]).toMatch(/6\s*天/);
  expect(sentencesOf({ ...ITEM, card: { from: null, until: null, recordings: 1 } }, en, EN)).toEqual([
    'The camera does not say what the card holds.',
    'No gaps to fill.',
  ]);
  const old = { ...EN, nowMs: Date.parse('2026-11-20T12:00:00Z') };
  expect(sentencesOf(ITEM, en, old).slice(0, 2)).toEqual([
    "The camera's card holds 6 days of recordings.",
    'Nothing was recorded since 12:00.',
  ]);
  expect(sentencesOf(ITEM, zhCn, { ...old, language: 'zh-CN' })[1]).toContain('12:00');
  expect(rowText({}, ITEM, en, old)).toBe('Card without recordings since 12:00');
  expect(rowText({}, ITEM, en, EN)).toBe('Has a card with 6 days of recordings');
  expect(rowText({}, { ...ITEM, card: null, state: 'noCard' }, en, EN)).toBe('No card');
  expect(rowText({}, { ...ITEM, card: null, state: 'unknown' }, en, EN)).toBe('On');
  expect(rowText({}, undefined, en, EN)).toBe('On');
  expect(rowText({ backfill: false }, ITEM, en, EN)).toBe('Off');
});

test('a camera without a card, and one that was not asked, are told apart', () => {
  expect(sentencesOf({ ...ITEM, card: null, state: 'noCard' }, en, EN)[0]).toContain('Profile G');
  expect(sentencesOf({ ...ITEM, card: null, state: 'unknown' }, en, EN)[0]).toContain('not been read yet');
  expect(sentencesOf({ ...ITEM, state: 'off' }, en, EN)).toEqual([]);
  expect(sentencesOf(undefined, en, EN)).toEqual([]);
});

test('gaps that were given up are said, with their number and reason', () => {
  const item = { ...ITEM, unfilled: { notOnCard: 2, inDoubt: 1 } };
  expect(sentencesOf(item, en, EN).slice(1)).toEqual([
    'Gaps that the card does not have, or only in part: 2.',
    'Gaps of which it is not certain what the card has: 1.',
  ]);
  const waiting = { ...item, state: 'waiting', gaps: 1, unfilled: { notOnCard: 0, inDoubt: 1 } } as const;
  expect(sentencesOf(waiting, en, EN).slice(1)).toEqual([
    'Gaps waiting to be filled: 1.',
    'Gaps of which it is not certain what the card has: 1.',
  ]);
  expect(
    sentencesOf(item, zhCn, { ...EN, language: 'zh-CN' })
      .slice(1)
      .join(),
  ).toMatch(/2.*1/);
});

test('gaps that wait and the last failure follow', () => {
  const waiting = { ...ITEM, state: 'waiting', gaps: 2, fetchedSeconds: 600, error: 'busy' } as const;
  expect(failureOf(waiting)).toBe('busy');
  expect(failureOf({ ...waiting, gaps: 0 })).toBeNull();
  expect(failureOf(undefined)).toBeNull();
  expect(sentencesOf(waiting, en, EN)).toEqual([
    "The camera's card holds 6 days of recordings.",
    'Gaps waiting to be filled: 2.',
    'Fetched since Perch started: 10 minutes.',
  ]);
});

test('groups of pictures that are too large are named, with what helps', () => {
  expect(sentencesOf({ ...ITEM, tooLarge: 3 }, en, EN)[2]).toMatch(/above 32 MB: 3 groups.*key frame interval/);
});

test('what is fetched now has its times and how much has come', () => {
  const fetching = { from: '2026-03-01T12:03:00Z', until: '2026-03-01T12:13:00Z', share: 0.4 };
  const item = { ...ITEM, state: 'fetching', gaps: 1, fetching } as const;
  expect(sentencesOf(item, en, EN).slice(1)).toEqual(['Fetching 12:03 – 12:13: 40% of 10 minutes.']);
  const short = { ...fetching, until: '2026-03-01T12:03:41Z' };
  expect(sentencesOf({ ...item, fetching: short }, en, EN)[1]).toBe('Fetching 12:03 – 12:03: 40% of 41 seconds.');
  expect(sentencesOf({ ...item, fetching: short }, zhCn, { ...EN, language: 'zh-CN' })[1]).toContain('41 秒');
});

test('a camera that has just come, or is away, is waited for before its gaps are known', () => {
  const text = 'Waiting until the camera has been connected for a minute.';
  const holds = "The camera's card holds 6 days of recordings.";
  expect(sentencesOf({ ...ITEM, waitsFor: 'notBack' }, en, EN)).toEqual([holds, text]);
  const unread = { ...ITEM, card: null, state: 'unknown' } as const;
  expect(sentencesOf({ ...unread, waitsFor: 'notBack' }, en, EN)[1]).toBe(text);
  expect(sentencesOf({ ...unread, waitsFor: 'watched' }, en, EN)[1]).toBe('Waiting until nobody watches.');
  // Nothing waits for those who watch.
  expect(sentencesOf({ ...ITEM, waitsFor: 'watched' }, en, EN)).toEqual([holds, 'No gaps to fill.']);
});

test('a short gap that was fetched is named, too', () => {
  expect(sentencesOf({ ...ITEM, fetchedSeconds: 53 }, en, EN)[2]).toBe('Fetched since Perch started: 53 seconds.');
  expect(sentencesOf({ ...ITEM, fetchedSeconds: 53 }, zhCn, { ...EN, language: 'zh-CN' })[2]).toContain('53 秒');
});

test.for([
  [{ waitsFor: 'watched' }, 'Waiting until nobody watches.'],
  [{ waitsFor: 'turn', retryTime: '2026-03-01T12:30:00Z' }, 'Another camera is being read.'],
  [{ waitsFor: 'hours' }, 'Waiting for the hours below.'],
  [{ retryTime: '2026-03-01T12:30:00Z' }, 'Next attempt: 12:30.'],
] as const)('a gap that waits says why: %j', ([why, text]) => {
  const item = { ...ITEM, state: 'waiting', gaps: 1, ...why } as const;
  expect(sentencesOf(item, en, EN).slice(1)).toEqual(['Gaps waiting to be filled: 1.', text]);
});
