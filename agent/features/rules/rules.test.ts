import { expect, test } from 'vitest';
import { boxOf, PATHS, PERSON, RECORD, rule, settle } from '../../../test/features/rules/support/rule-box.ts';
import { good } from '../../../test/support/harness/loaded-config.ts';
import { HOUR_MS, MINUTE_MS } from '../../base/time/units.ts';
import type { CameraEvent } from '../../record/events/event.ts';

test('an event records another camera for a time, and ends that again', async () => {
  const { report, recordOf, clock, state, own, lines } = await boxOf(rule(''));
  await report();
  expect([recordOf('yard'), recordOf('gate'), state.applied]).toEqual(['always', 'no', 1]);
  expect(own.list()).toEqual([
    {
      name: 'Gate',
      hasEvent: true,
      last: {
        time: '2026-01-01T00:00:00.000Z',
        by: 'event',
        user: null,
        event: { id: '1', path: 'gate', type: 'person' },
        results: [{ action: 'record', path: 'yard', problem: null }],
      },
      runningUntil: '2026-01-01T00:01:00.000Z',
      problems: [],
    },
  ]);
  expect(lines.filter((line) => line.includes('rule ran'))).toHaveLength(1);
  expect(state.emitted).toEqual([['box', expect.objectContaining({ state: 'rule', rule: 'Gate', event: '1' })]]);
  await clock.advance(59_000);
  expect(recordOf('yard')).toBe('always');
  await clock.advance(2_000);
  expect([recordOf('yard'), state.applied, own.list()[0]?.runningUntil]).toEqual(['motion', 2, null]);
});

test('a later run records longer, and does not begin anew', async () => {
  const { report, recordOf, clock, state } = await boxOf(rule(''));
  await report();
  await clock.advance(50_000);
  await report();
  await clock.advance(50_000);
  expect([recordOf('yard'), state.applied]).toEqual(['always', 1]);
  await clock.advance(15_000);
  expect(recordOf('yard')).toBe('motion');
});

test.for([
  [{ type: 'motion' }, false],
  [{ type: 'pet' }, false],
  [{ type: 'somethingElse' }, false],
  [{ path: 'hall' }, false],
  [{ source: 'perch' as const }, false],
  [
    {
      type: 'motion',
      labels: [{ type: 'person' as const, score: 0.9, box: { x: 0, y: 0, width: 1, height: 1 }, at: 0 }],
    },
    true,
  ],
] as const)('%j starts it: %s', async ([event, isStarted]) => {
  const { report, ran } = await boxOf(rule(''));
  await report(event as Partial<CameraEvent>);
  expect(ran('Gate') !== undefined).toBe(isStarted);
});

test('an event starts a rule once, when it is first one of the rule: with its label, or in its zone', async () => {
  const { report, own } = await boxOf(`${rule(', zone: Drive', `${RECORD}, pause: 0s`)}`);
  const runs = () => own.metrics()[0]?.[3];
  await report({ id: 'a', type: 'motion' });
  await report({ id: 'a', zones: ['Drive'] });
  expect(runs()).toBe(0);
  await report({ id: 'a', labels: PERSON });
  expect(runs()).toBe(1);
  await report({ id: 'a', zones: ['Drive', 'Street'] });
  await report({ id: 'a', endUs: Date.UTC(2026) * 1_000 });
  expect(runs()).toBe(1);
});

test('an object is in the zone where it stands, whatever else moves or stands elsewhere', async () => {
  const { report, own } = await boxOf(rule(', zone: Drive', `${RECORD}, pause: 0s`));
  const runs = () => own.metrics()[0]?.[3];
  const zones = ['Drive', 'Street'];
  const at = (x: number, type: 'person' | 'vehicle' = 'person') => ({
    ...{ type, score: 0.9, at: 0 },
    box: { x, y: 0.5, width: 0.2, height: 0.5 },
  });
  await report({ id: 'a', type: 'motion', zones, labels: [at(0.7), at(0.1, 'vehicle')] });
  await report({ id: 'b', type: 'person', zones, labels: [at(0.7)] });
  expect(runs()).toBe(0);
  await report({ id: 'a', labels: [at(0.7), at(0.1)] });
  expect(runs()).toBe(1);
  // Without labels a camera's event is where it says.
  await report({ id: 'c', type: 'person', zones: ['Drive'] });
  expect(runs()).toBe(2);
});

test('an event that was over a minute ago starts nothing', async () => {
  const { report, own } = await boxOf(rule('', `${RECORD}, pause: 0s`));
  const agoUs = (ms: number) => (Date.UTC(2026) - ms) * 1_000;
  await report({ source: 'api', startUs: agoUs(HOUR_MS), endUs: agoUs(2 * MINUTE_MS) });
  expect(own.metrics()[0]?.[3]).toBe(0);
  await report({ source: 'api', startUs: agoUs(HOUR_MS), endUs: agoUs(MINUTE_MS / 2) });
  expect(own.metrics()[0]?.[3]).toBe(1);
});

test('a rule runs in its modes and hours alone', async () => {
  const { report, own, clock, state } = await boxOf(
    rule(', modes: [away, night], hours: 22:00-06:00', `${RECORD}, pause: 0s`),
  );
  const runs = () => own.metrics()[0]?.[3];
  await report();
  expect(runs()).toBe(0);
  state.mode = 'night';
  await report();
  expect(runs()).toBe(1);
  await clock.advance(6 * HOUR_MS);
  await report();
  expect(runs()).toBe(1);
});

test('while the box does not know the time, a rule with hours waits, and says so', async () => {
  const { report, own, state } = await boxOf(rule(', hours: 22:00-06:00'));
  state.isTrusted = false;
  await report();
  expect([own.metrics()[0]?.[3], own.list()[0]?.problems]).toEqual([
    0,
    ["rule 'Gate': it waits until the box knows the time"],
  ]);
  state.isTrusted = true;
  await report();
  expect([own.metrics()[0]?.[3], own.list()[0]?.problems]).toEqual([1, []]);
});

test('without modes in the product, a rule that names some says that it never runs', async () => {
  const { report, own, state } = await boxOf(rule(', modes: [home]'));
  state.mode = undefined;
  await report();
  expect(own.metrics()[0]?.[3]).toBe(0);
  expect(own.problems()).toEqual([
    { name: 'Gate', why: 'noModes', text: expect.stringContaining('never runs'), since: null },
  ]);
});

test('a rule pauses after each run', async () => {
  const { report, own, clock } = await boxOf(rule('', `${RECORD}, pause: 1m`));
  const counts = () => own.metrics().map(([, , , value]) => value);
  await report();
  await clock.advance(59_000);
  await report();
  expect(counts()).toEqual([1, 0, 1]);
  await clock.advance(1_000);
  await report();
  expect(counts()).toEqual([2, 0, 1]);
});

test('a rule that runs 60 times in an hour waits, says so once, and goes on later', async () => {
  const { report, own, clock, lines } = await boxOf(rule('', `${RECORD}, pause: 0s`));
  for (let i = 0; i < 80; i += 1) {
    await report();
    await clock.advance(1_000);
  }
  expect(own.metrics().map(([, , , value]) => value)).toEqual([60, 0, 20]);
  expect(own.problems()).toMatchObject([{ name: 'Gate', why: 'tooOften' }]);
  expect(lines.filter((line) => line.includes('too often'))).toHaveLength(1);
  await expect(own.run('Gate', { user: 'me', isPerson: false })).rejects.toThrow(
    "rule 'Gate' ran 60 times in an hour: try again in",
  );
  // A person is no loop.
  await own.run('Gate', { user: 'me', isPerson: true });
  await expect(own.actions()[0]?.run('me')).rejects.toThrow("rule 'Gate' has just run: try again in 5 s");
  await clock.advance(HOUR_MS);
  expect(own.problems()).toEqual([]);
  await report();
  expect(own.metrics()[0]?.[3]).toBe(62);
});

test('a request runs a rule whatever its event, modes, hours and pause, but not twice at once', async () => {
  const { own, clock, state } = await boxOf(
    `${rule(', modes: [away], hours: 08:00-09:00')}, {name: By hand, ${RECORD}}`,
  );
  state.isTrusted = false;
  expect(await own.run('Gate', { user: 'anna', isPerson: false })).toEqual([
    { action: 'record', path: 'yard', problem: null },
  ]);
  await own.run('By hand', { user: 'anna', isPerson: false });
  expect(own.list()).toMatchObject([
    { name: 'Gate', last: { by: 'request', user: 'anna', event: null } },
    { name: 'By hand', hasEvent: false },
  ]);
  await expect(own.run('Gate', { user: 'anna', isPerson: false })).rejects.toThrow(
    "rule 'Gate' has just run: try again in 5 s",
  );
  await clock.advance(5_000);
  await own.run('Gate', { user: 'anna', isPerson: false });
  await expect(own.run('Gone', { user: 'anna', isPerson: false })).rejects.toMatchObject({
    code: 'notFound',
    message: "there is no rule 'Gone'",
  });
});

test('a button is offered to those who may do all that the rule does', async () => {
  const { own } = await boxOf(rule(''));
  const [action] = own.actions();
  expect(action).toMatchObject({ id: 'rule:Gate', title: 'Gate' });
  expect(action?.isFor({ role: 'owner', may: () => true })).toBe(true);
  expect(action?.isFor({ role: 'viewer', may: () => true })).toBe(false);
  const { own: other } = await boxOf(rule('', 'then: [{preset: Gate, path: yard}, {output: lamp, path: yard}]'));
  const isFor = (...rights: string[]) =>
    other.actions()[0]?.isFor({ role: 'viewer', may: (action, path) => rights.includes(action) && path === 'yard' });
  expect([isFor('turn', 'switch'), isFor('turn'), isFor('switch'), isFor()]).toEqual([true, false, false, false]);
  expect(await action?.run('anna')).toEqual({ problem: undefined, isAtWork: false });
  expect(own.list()[0]?.last).toMatchObject({ by: 'button', user: 'anna' });
});

test('a button waits a moment for its command, and says what came of it, or that it is at work', async () => {
  const { own, commands, clock } = await boxOf('{name: Hall, then: [{run: a}], pause: 0s}');
  const press = async () => {
    const pressed = own.actions()[0]?.run('anna');
    await settle();
    return { pressed };
  };
  const first = await press();
  commands[0]?.end('the command has ended with exit code 3');
  expect(await first.pressed).toEqual({ problem: 'the command has ended with exit code 3', isAtWork: false });
  await clock.advance(5_000);
  const second = await press();
  await clock.advance(4_000);
  expect(await second.pressed).toEqual({ problem: undefined, isAtWork: true });
  // A person is no program: the command at work does not keep others from running.
  commands[1]?.end();
  await clock.advance(1_000);
  await own.run('Hall', { user: 'anna', isPerson: true });
  expect(commands).toHaveLength(3);
});

test('a stop ends what a rule does now, but not what another rule does with the same cameras', async () => {
  const then = 'then: [{preset: Gate, path: yard}, {output: relay-1, path: yard}, {record: yes, path: yard}]';
  const { own, camera, recordOf, clock } = await boxOf(`{name: One, ${then}}, {name: Two, ${then}}`);
  const run = async (name: string) => {
    await own.run(name, { user: 'anna', isPerson: true });
    await settle();
  };
  await run('One');
  await run('Two');
  own.stop('One');
  await clock.advance(1_000);
  await settle();
  expect([camera.released, camera.isOn.get('yard relay-1'), recordOf('yard')]).toEqual([['yard One'], true, 'always']);
  expect(own.list().map(({ runningUntil }) => runningUntil !== null)).toEqual([false, true]);
  own.stop('Two');
  await settle();
  expect([camera.released.length, camera.isOn.get('yard relay-1'), recordOf('yard')]).toEqual([2, false, 'motion']);
  expect(() => own.stop('Gone')).toThrow("there is no rule 'Gone'");
});

test('a missing camera is a problem of each rule that names it', async () => {
  const { own, report } = await boxOf(
    '{name: A, when: {event: person, path: gate}, then: [{record: yes, path: gone}]}, {name: B, when: {event: person, path: lost}, then: [{run: a}]}',
  );
  expect(own.problems().map(({ name, why, text }) => [name, why, text])).toEqual([
    ['A', 'camera', "rule 'A': there is no camera 'gone': it was removed or renamed"],
    ['B', 'camera', "rule 'B': there is no camera 'lost': it was removed or renamed"],
  ]);
  await report();
  expect(own.list()[0]?.last?.results).toEqual([
    { action: 'record', path: 'gone', problem: "there is no camera 'gone'" },
  ]);
});

test('a camera whose settings have a fault is a problem, and was not removed', async () => {
  const { own, faulty } = await boxOf(rule(''));
  faulty('yard');
  expect(own.problems()).toMatchObject([
    { why: 'camera', text: "rule 'Gate': the settings of camera 'yard' have a fault" },
  ]);
});

test('a zone that its camera does not have is a problem', async () => {
  const { own } = await boxOf(rule(', zone: Drive'));
  expect(own.problems()).toEqual([]);
  const { own: other } = await boxOf(rule(', zone: Porch'));
  expect(other.problems()).toMatchObject([
    { why: 'zone', text: "rule 'Gate': camera 'gate' has no zone 'Porch', so it never runs" },
  ]);
});

test('a private camera is not recorded', async () => {
  const { own, report, recordOf } = await boxOf(rule(''));
  await report();
  const config = good(PATHS);
  const yard = config.paths.get('yard');
  const inPrivate = {
    ...config,
    paths: new Map([['yard', { ...yard, settings: { ...yard?.settings, isPrivate: true } }]]),
  };
  expect(own.inForce(inPrivate as never).paths.get('yard')?.settings?.record).toBe('motion');
  expect(recordOf('yard')).toBe('always');
});

test('a command gets rule and event; while it works, it is not started again, and its failure is a problem until the next run', async () => {
  const { report, commands, own, clock } = await boxOf(rule('', "then: [{run: 'notify x'}], pause: 0s"));
  await report({ id: 'e1' });
  expect(commands).toMatchObject([
    {
      ...{ hook: 'rules', text: 'notify x', path: 'gate' },
      variables: { PERCH_RULE: 'Gate', PERCH_EVENT_TYPE: 'person', PERCH_EVENT_ID: 'e1' },
    },
  ]);
  await report();
  expect([commands.length, own.list()[0]?.last?.results[0]?.problem]).toEqual([1, 'its last command is still at work']);
  commands[0]?.end('the command has ended with exit code 3');
  await settle();
  await clock.advance(1_000);
  await report();
  expect(commands.length).toBe(2);
  commands[1]?.end('the command has ended with exit code 3');
  await settle();
  expect(own.problems()).toMatchObject([
    { name: 'Gate', why: 'action', text: "rule 'Gate': the command has ended with exit code 3" },
  ]);
  await clock.advance(1_000);
  await report();
  commands[2]?.end();
  await settle();
  expect(own.problems()).toEqual([]);
});

test('no rule follows from what the command of a rule does through the API, now and a moment after', async () => {
  const { report, commands, own, clock } = await boxOf(
    `${rule('', 'then: [{run: a}], pause: 0s')}, {name: Hall, when: {event: person, path: hall}, then: [{run: b}], pause: 0s}, {name: By hand, then: [{run: c}]}`,
  );
  await report();
  await report({ id: 'b', path: 'hall', source: 'api' });
  await expect(own.run('By hand', { user: 'x', isPerson: false })).rejects.toThrow('no rule starts others');
  expect(commands.map(({ text }) => text)).toEqual(['a']);
  // What a camera itself sees is no consequence of the command.
  await report({ path: 'hall' });
  expect(commands.map(({ text }) => text)).toEqual(['a', 'b']);
  for (const { end } of commands) {
    end();
  }
  await settle();
  await clock.advance(14_000);
  await report({ path: 'hall', source: 'api' });
  expect(commands.length).toBe(2);
  await clock.advance(2_000);
  // A consequence stays one for as long as the event lasts.
  await report({ id: 'b', labels: PERSON });
  expect(commands.length).toBe(2);
  await report({ path: 'hall', source: 'api' });
  commands.at(-1)?.end();
  await settle();
  await clock.advance(15_000);
  await own.run('By hand', { user: 'x', isPerson: false });
  expect(commands.map(({ text }) => text)).toEqual(['a', 'b', 'b', 'c']);
});

test('a changed rule keeps its last run, and a removed one is forgotten', async () => {
  const { own, report, configure } = await boxOf(rule(''));
  await report();
  configure(`${rule(', modes: [away]')}, {name: New, ${RECORD}}`);
  expect(own.list()).toMatchObject([
    { name: 'Gate', last: { by: 'event' } },
    { name: 'New', last: null },
  ]);
  configure('');
  configure(rule(''));
  expect(own.list()).toMatchObject([{ name: 'Gate', last: null }]);
});

test('the zones of a camera of another box are known there: a rule with one of them has no problem', async () => {
  const { own, state } = await boxOf(rule(', zone: Porch'));
  expect(own.problems()).toMatchObject([{ why: 'zone' }]);
  state.remote = 'gate';
  expect(own.problems()).toEqual([]);
});
