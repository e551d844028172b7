import { expect, test } from 'vitest';
import { bodyOf, linkOf, type Notice, noticeKind } from './notice.ts';
import { type LocalTime, matches, type Rule } from './rules.ts';

const notice = (more: Partial<Notice> = {}): Notice => ({
  ...{ id: '1', path: 'door', kind: 'person', startMs: 0, title: 'Door', text: '' },
  ...more,
});
const rule = (more: Partial<Rule> = {}): Rule => ({ cameras: 'all', kinds: ['person'], ...more });
const at = (day: LocalTime['day'], time: string): LocalTime => {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return { day, minutes: hour * 60 + minute };
};

test('a rule names cameras and kinds; the box itself belongs to no camera', () => {
  const now = at('mon', '12:00');
  expect(matches([rule()], notice(), now)).toBe(true);
  expect(matches([rule({ cameras: ['yard'] })], notice(), now)).toBe(false);
  expect(matches([rule({ cameras: ['yard'] }), rule({ cameras: ['door'] })], notice(), now)).toBe(true);
  expect(matches([rule()], notice({ kind: 'motion' }), now)).toBe(false);
  expect(matches([], notice(), now)).toBe(false);
  const disk = notice({ path: '', kind: 'disk' });
  expect(matches([rule({ cameras: ['yard'], kinds: ['disk'] })], disk, now)).toBe(true);
});

const NIGHT = { from: '22:00', to: '06:00' };
const SUNDAY_NIGHT: NonNullable<Rule['hours']> = { ...NIGHT, days: ['sun'] };
const DAY = { from: '08:00', to: '17:30' };

test.for([
  ['mon', '07:59', DAY, false],
  ['mon', '08:00', DAY, true],
  ['mon', '17:29', DAY, true],
  ['mon', '17:30', DAY, false],
  ['mon', '21:59', NIGHT, false],
  ['mon', '22:00', NIGHT, true],
  ['tue', '05:59', NIGHT, true],
  ['tue', '06:00', NIGHT, false],
  ['sun', '23:00', SUNDAY_NIGHT, true],
  ['mon', '05:00', SUNDAY_NIGHT, true],
  ['sun', '05:00', SUNDAY_NIGHT, false],
  ['mon', '23:00', SUNDAY_NIGHT, false],
] as const)('%s %s within %o: %s', ([day, time, hours, isWithin]) => {
  const within = { ...hours, ...('days' in hours && { days: [...(hours.days ?? [])] }) };
  expect(matches([rule({ hours: within })], notice(), at(day, time))).toBe(isWithin);
});

test('hours do not count while the time is unknown', () => {
  expect(matches([rule({ hours: NIGHT })], notice(), undefined)).toBe(true);
});

test('types of other programs are one kind with those of cameras', () => {
  expect(['Car', 'pet', 'person', 'deleted', 'barking'].map(noticeKind)).toEqual([
    ...['vehicle', 'animal', 'person', 'disk', 'barking'],
  ]);
  const visitor = notice({ kind: noticeKind('visitor') });
  for (const kind of ['visitor', 'doorbell']) {
    expect(matches([rule({ kinds: [kind] })], visitor, at('mon', '12:00'))).toBe(true);
  }
});

test('a tap opens the moment in the recordings, an offline camera, or the storage', () => {
  const startMs = Date.UTC(2026, 10, 23, 18, 0, 5, 250);
  expect(linkOf(notice({ path: 'front/gate', startMs }))).toBe('#/rec/front%2Fgate?t=2026-11-23T18:00:05.250Z');
  expect(linkOf(notice({ kind: 'offline' }))).toBe('#/live/door');
  expect(linkOf(notice({ path: '' }))).toBe('#/settings/storage');
});

test('a message says that motion was not examined', () => {
  const motion = notice({ kind: 'motion', isUnexamined: true });
  expect([bodyOf(motion, 'en'), bodyOf(motion, 'zh-cn')]).toEqual(['Motion · not examined', '移动侦测 · 未识别']);
  expect(bodyOf(notice({ text: 'at the gate' }), 'en')).toBe('Person · at the gate');
});
