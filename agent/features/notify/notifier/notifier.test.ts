import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { PerchError } from '../../../base/errors.ts';
import type { LabelType } from '../../../base/event-kinds.ts';
import type { Notice } from '../rules/notice.ts';
import type { LocalTime, Rule } from '../rules/rules.ts';
import type { Target } from '../rules/target.ts';
import { Notifier, NotifyLimits } from './notifier.ts';
import { EventPictures } from './pictures.ts';

const ALL: Rule = { cameras: 'all', kinds: ['person', 'motion', 'disk', 'offline'] };

function open(targets: readonly Partial<Target>[] = [{}]) {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const sent: { readonly to: string; readonly notice: Notice }[] = [];
  const state = { isWanted: true, local: undefined as LocalTime | undefined, examined: [] as LabelType[] };
  const source = { picture: async () => new Uint8Array(), small: async () => new Uint8Array() };
  const notifier = new Notifier({
    ...{ clock, log, local: () => state.local, isWanted: () => state.isWanted },
    pictures: new EventPictures({ source, clock, maxThumbnailBytes: 100 }),
    titleOf: (path) => path.toUpperCase(),
    examines: () => state.examined,
    otherStreamOf: (path) => (path === 'door' ? 'door_sub' : path === 'door_sub' ? 'door' : undefined),
    targets: () =>
      targets.map((one, i) => ({
        ...{ id: `t${i}`, user: 'owner', isOwner: true, rules: [ALL], snoozedUntil: 0, mayKnow: () => true },
        send: async (notice) => void sent.push({ to: `t${i}`, notice }),
        ...one,
      })),
  });
  const event = (more: object = {}) =>
    notifier.onEvent({ id: 'e1', path: 'door', type: 'person', startUs: clock.wallMs() * 1000, text: '', ...more });
  return { clock, notifier, event, sent, state, logged };
}

test('an event is sent when it starts, and not again when it ends', () => {
  const { event, sent, clock } = open();
  event({ text: 'with a parcel' });
  event();
  expect(sent.map(({ notice }) => notice)).toEqual([
    { id: 'e1', path: 'door', kind: 'person', startMs: clock.wallMs(), title: 'DOOR', text: 'with a parcel' },
  ]);
});

test('an event that is reported a minute late is not sent', () => {
  const { event, sent, clock } = open();
  event({ startUs: (clock.wallMs() - 61_000) * 1000 });
  expect(sent).toEqual([]);
});

test('only those get it whose rules and rights cover it, and who do not sleep', async () => {
  const { event, sent, clock } = open([
    { rules: [{ cameras: ['yard'], kinds: ['person'] }] },
    { mayKnow: (path) => path === 'yard' },
    { snoozedUntil: new FakeClock().wallMs() + 60_000 },
    {},
  ]);
  event();
  expect(sent.map(({ to }) => to)).toEqual(['t3']);
  await clock.advance(60_000);
  event({ id: 'e2' });
  expect(sent.map(({ to }) => to)).toEqual(['t3', 't2', 't3']);
});

test('nothing is sent of a camera that is silent in the present mode; the box itself is never silent', () => {
  const { event, sent, state } = open();
  state.isWanted = false;
  event();
  event({ id: 'e2', path: '', type: 'disk', text: 'vanished: /mnt/usb' });
  expect(sent.map(({ notice }) => notice.kind)).toEqual(['disk']);
});

test('hours count by local time', () => {
  const { event, sent, state } = open([{ rules: [{ ...ALL, hours: { from: '22:00', to: '06:00' } }] }]);
  state.local = { day: 'mon', minutes: 12 * 60 };
  event();
  state.local = { day: 'mon', minutes: 23 * 60 };
  event({ id: 'e2' });
  expect(sent.map(({ notice }) => notice.id)).toEqual(['e2']);
});

test('a fault is logged once until a message gets through', async () => {
  const state = { isBroken: true };
  const send = async () => {
    if (state.isBroken) {
      throw new PerchError('unavailable', 'Google answers 500');
    }
  };
  const { event, logged, notifier, clock } = open([{ send }]);
  for (const [i, isBroken] of [true, true, false, true].entries()) {
    state.isBroken = isBroken;
    event({ id: `e${i}`, startUs: clock.wallMs() * 1000 });
    await notifier.idle();
    await clock.advance(60_000);
  }
  expect(logged.map(([level]) => level)).toEqual(['warn', 'warn']);
});

/** Sends an event to slow targets. @returns how many messages are on their way to each user, the owner as `owner` */
async function sendSlowly(users: readonly string[]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun: Record<string, number> = {};
  const send = (user: string) => () => {
    begun[user] = (begun[user] ?? 0) + 1;
    return promise;
  };
  const { event, notifier, logged } = open(
    users.map((user) => ({ user, isOwner: user === 'owner', send: send(user) })),
  );
  event();
  resolve();
  await notifier.idle();
  return { begun, logged };
}

const times = (count: number, user: string): readonly string[] => Array.from({ length: count }, () => user);

test('at most 64 messages are on their way', async () => {
  const { begun, logged } = await sendSlowly(times(100, 'owner'));
  expect(begun).toEqual({ owner: 64 });
  expect(logged).toHaveLength(1);
});

test('a guest with slow endpoints does not hold up the messages of other people', async () => {
  const { begun } = await sendSlowly([...times(20, 'guest:a'), 'ann', 'owner']);
  expect(begun).toEqual({ 'guest:a': 8, ann: 1, owner: 1 });
});

test("16 places are the owner's, however many guests have slow endpoints", async () => {
  const guests = Array.from({ length: 10 }, (_, i) => times(8, `guest:${i}`)).flat();
  const { begun } = await sendSlowly([...guests, ...times(16, 'owner')]);
  expect(begun['owner']).toBe(16);
  expect(Object.keys(begun)).toHaveLength(7);
});

/** A target that wants persons alone. */
const PERSONS = { rules: [{ cameras: 'all' as const, kinds: ['person'] }] };

function openExamined(targets: readonly Partial<Target>[] = [PERSONS]) {
  const opened = open(targets);
  opened.state.examined = ['person', 'vehicle'];
  const { clock, event, sent } = opened;
  const startUs = clock.wallMs() * 1000;
  const motion = (labels?: readonly LabelType[], more: object = {}) => {
    const found = labels?.map((type) => ({ type, at: clock.wallMs() * 1000 }));
    event({ id: 'm', type: 'motion', startUs, labels: found, ...more });
  };
  const notices = () => sent.map(({ to, notice }) => [to, notice.kind, notice.isUnexamined === true]);
  return { ...opened, motion, notices };
}

test('a rule for persons waits for the label of motion, and gets it once', async () => {
  const { clock, motion, notices, sent } = openExamined();
  const startMs = clock.wallMs();
  motion();
  await clock.advance(2_000);
  motion([]);
  expect(notices()).toEqual([]);
  motion(['vehicle']);
  expect(notices()).toEqual([]);
  motion(['vehicle', 'person']);
  motion(['vehicle', 'person']);
  await clock.advance(60_000);
  motion(['vehicle', 'person', 'person']);
  expect(notices()).toEqual([['t0', 'person', false]]);
  expect(sent[0]?.notice.startMs).toBe(startMs);
});

test('motion that is not examined within ten seconds is sent as such', async () => {
  const { clock, motion, notices } = openExamined();
  motion();
  await clock.advance(9_999);
  expect(notices()).toEqual([]);
  await clock.advance(1);
  expect(notices()).toEqual([['t0', 'motion', true]]);
  motion(['person']);
  await clock.advance(60_000);
  expect(notices()).toHaveLength(1);
});

test('examined motion without a label is not sent, and a late label is', async () => {
  const { clock, motion, notices } = openExamined();
  motion();
  motion([]);
  await clock.advance(90_000);
  expect(notices()).toEqual([]);
  motion(['person']);
  expect(notices()).toEqual([['t0', 'person', false]]);
});

test('a label that is reported a minute late is not sent', async () => {
  const { clock, motion, notices } = openExamined();
  motion([]);
  motion(['person'], { labels: [{ type: 'person', at: (clock.wallMs() - 61_000) * 1000 }] });
  await clock.advance(10_000);
  expect(notices()).toEqual([]);
});

test('a rule for motion waits for nothing, and its target is not notified again of the label', async () => {
  const { clock, motion, notices } = openExamined([{}, PERSONS]);
  motion();
  expect(notices()).toEqual([['t0', 'motion', false]]);
  motion(['person']);
  await clock.advance(10_000);
  expect(notices()).toEqual([
    ['t0', 'motion', false],
    ['t1', 'person', false],
  ]);
});

test('without anyone who examines the camera, rules for persons wait for no motion', async () => {
  const { clock, motion, notices, state } = openExamined();
  state.examined = [];
  motion();
  await clock.advance(20_000);
  expect(notices()).toEqual([]);
});

test('a rule for what the camera is not examined for does not get its motion', async () => {
  const { clock, motion, notices } = openExamined([{ rules: [{ cameras: 'all', kinds: ['animal'] }] }]);
  motion();
  await clock.advance(20_000);
  expect(notices()).toEqual([]);
});

test('labels that come with the event, as of another program, are sent at once', () => {
  const { motion, notices } = openExamined([{}, PERSONS]);
  motion(['person']);
  expect(notices()).toEqual([
    ['t0', 'person', false],
    ['t1', 'person', false],
  ]);
});

test.for([
  ['door', 'door_sub'],
  ['door_sub', 'door'],
])('an event of both streams of a camera is sent once: %s first', async ([first, second]) => {
  const { event, clock, motion, notices, sent } = openExamined([
    {},
    { rules: [{ cameras: ['door'], kinds: ['person'] }] },
  ]);
  for (const path of [first, second]) {
    event({ path });
    motion(undefined, { path });
  }
  await clock.advance(20_000);
  motion(['person'], { path: first });
  motion(['person'], { path: second });
  expect(notices().map(([to, kind]) => [to, kind])).toEqual([
    ['t0', 'person'],
    ...(first === 'door' ? [['t1', 'person']] : []),
    ['t0', 'motion'],
    ...(first === 'door' ? [] : [['t1', 'person']]),
    ['t1', 'motion'],
  ]);
  // Each kind of a camera is limited.
  await clock.advance(600_000);
  event({ path: 'door_sub', id: 'alone' });
  event({ path: 'yard', id: 'alone' });
  expect(sent.slice(-2).map(({ to, notice }) => [to, notice.path])).toEqual([
    ['t0', 'door_sub'],
    ['t0', 'yard'],
  ]);
});

test('when Perch stops, nothing waits for labels', async () => {
  const { clock, motion, notices, notifier } = openExamined();
  motion();
  await notifier.close();
  await clock.advance(20_000);
  expect(notices()).toEqual([]);
});

const MINUTE_MS = 60_000;
const PERSON = { path: 'door', kind: 'person' };

test('the same kind at the same camera is notified once a minute, to each target', () => {
  const limits = new NotifyLimits();
  expect(limits.take('ann', PERSON, 0)).toBe(true);
  expect(limits.take('ann', PERSON, MINUTE_MS - 1)).toBe(false);
  expect(limits.take('bob', PERSON, 1)).toBe(true);
  expect(limits.take('ann', { path: 'yard', kind: 'person' }, 1)).toBe(true);
  expect(limits.take('ann', { path: 'door', kind: 'vehicle' }, 1)).toBe(true);
  expect(limits.take('ann', PERSON, MINUTE_MS)).toBe(true);
});

test('a doorbell rings again after five seconds', () => {
  const limits = new NotifyLimits();
  const bell = { path: 'door', kind: 'doorbell' };
  expect([0, 4_999, 5_000].map((ms) => limits.take('ann', bell, ms))).toEqual([true, false, true]);
});

test('thirty at once and then one a minute', () => {
  const limits = new NotifyLimits();
  const takeMany = (ms: number) =>
    Array.from({ length: 100 }, (_, i) => limits.take('ann', { path: `cam${i}`, kind: 'motion' }, ms)).filter(Boolean);
  expect(takeMany(0)).toHaveLength(30);
  expect(takeMany(MINUTE_MS)).toHaveLength(1);
  expect(takeMany(3 * MINUTE_MS)).toHaveLength(2);
  expect(takeMany(60 * MINUTE_MS)).toHaveLength(30);
});
