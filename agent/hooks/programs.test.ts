import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { openHookHarness } from '../../test/support/harness/hook-harness.ts';
import { systemClock } from '../base/clock.ts';
import { endLeftovers } from './leftovers.ts';
import { groupLives } from './process-group.ts';
import { MARK } from './programs.ts';

test('a command gets its variables as arguments and in its environment, and its output is in the log', async () => {
  await using box = openHookHarness();
  const { programs, lines } = box;
  programs.once({
    hook: 'runOnRead',
    path: 'cam',
    text: `sh -c 'echo "$0 $MTX_QUERY"; env | grep MTX_ >&2; echo end' $MTX_PATH`,
    variables: { MTX_PATH: 'cam', MTX_QUERY: 'a%3Db' },
  });
  await expect.poll(box.said).toContain('end');
  await expect.poll(() => lines.at(-1)?.['msg']).toBe('command has ended');
  expect(box.said()).toEqual(expect.arrayContaining(['cam a%3Db', 'MTX_QUERY=a%3Db', 'MTX_PATH=cam']));
  expect(lines.find(({ says }) => says === 'end')).toMatchObject({ path: 'cam', hook: 'runOnRead', level: 30 });
});

test('a property name of Object is not a variable', async () => {
  await using box = openHookHarness();
  box.programs.once({ hook: 'runOnInit', text: 'echo a$constructor.$toString.', variables: {} });
  await expect.poll(box.said).toEqual(['a..']);
});

test.for([
  ['the key of an encrypted configuration file', ['MTX_CONFKEY', 'RTSP_CONFKEY', 'PERCH_CONFKEY']],
  ['what start scripts say to Perch', ['PERCH_TEMPORARY_DATA', 'PERCH_RESTART_CODE', 'PERCH_STDOUT']],
  ['what systemd says to Perch', ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC']],
] as const)('%s is not passed to commands', async ([, names]) => {
  await using box = openHookHarness();
  const before = { ...process.env };
  for (const name of names) {
    process.env[name] = 'secret';
  }
  await using second = openHookHarness();
  for (const name of names) {
    delete process.env[name];
  }
  Object.assign(process.env, before);
  second.programs.once(second.script(`echo "${names.map((name) => `${name}:$${name}.`).join('')}"`));
  await expect.poll(second.said).toEqual([names.map((name) => `${name}:.`).join('')]);
  expect(box.said()).toEqual([]);
});

test('the last line is logged without its end', async () => {
  await using box = openHookHarness();
  box.programs.once(box.script('printf "no such camera" >&2'));
  await expect.poll(box.said).toEqual(['no such camera']);
});

test('a missing program is only an error in the log', async () => {
  await using box = openHookHarness();
  box.programs.once({ hook: 'runOnInit', text: 'no-such-program -x', variables: {} });
  await expect
    .poll(() => box.lines.find(({ level }) => level === 50))
    .toMatchObject({ reason: "there is no program 'no-such-program'", msg: 'command cannot be started' });
});

test('a program that is ended gets SIGINT, with all that it has started', async () => {
  await using box = openHookHarness();
  const running = box.programs.keep(
    box.script('trap "echo interrupted >> $OUT; exit 0" INT; sleep 1000 & sleep 1001 & echo ready >> $OUT; wait'),
    true,
  );
  await expect.poll(box.written).toEqual(['ready']);
  const { group = 0 } = running;
  expect(groupLives(group)).toBe(true);
  await running.stop();
  expect(box.written()).toEqual(['ready', 'interrupted']);
  expect(groupLives(group)).toBe(false);
});

test('one that hears neither SIGINT nor SIGTERM is killed', async () => {
  await using box = openHookHarness();
  const running = box.programs.keep(
    box.script('trap "" INT TERM; echo ready >> $OUT; while :; do sleep 0.1; done'),
    false,
  );
  await expect.poll(box.written).toEqual(['ready']);
  const { group = 0 } = running;
  await running.stop();
  expect(groupLives(group)).toBe(false);
});

test('children that outlive a program end with the hook', async () => {
  await using box = openHookHarness();
  const running = box.programs.keep(box.script('sleep 1000 & echo ready >> $OUT'), false);
  await expect.poll(() => box.lines.at(-1)?.['msg']).toBe('command has ended');
  const { group = 0 } = running;
  expect(groupLives(group)).toBe(true);
  await running.stop();
  expect(groupLives(group)).toBe(false);
});

test('a command with restart runs again five seconds after its end, until it is stopped', async () => {
  const clock = new FakeClock();
  await using box = openHookHarness(clock);
  const running = box.programs.keep(box.script('echo run >> $OUT'), true);
  const hasSlept = () => expect.poll(() => clock.sleeping).toBe(1);
  await hasSlept();
  await clock.advance(4_999);
  expect(box.written()).toEqual(['run']);
  await clock.advance(1);
  await expect.poll(box.written).toEqual(['run', 'run']);
  await expect.poll(() => box.lines.at(-1)?.['msg']).toBe('command has ended as before');
  await running.stop();
  await clock.advance(60_000);
  expect(box.written()).toEqual(['run', 'run']);
});

test('a command that is not to be restarted runs once', async () => {
  const clock = new FakeClock();
  await using box = openHookHarness(clock);
  const running = box.programs.keep(box.script('echo run >> $OUT'), false);
  await expect.poll(() => box.lines.at(-1)?.['msg']).toBe('command has ended');
  await clock.advance(60_000);
  await running.stop();
  expect(box.written()).toEqual(['run']);
});

test('the end waits for commands that run once, and ends those that last', async () => {
  const box = openHookHarness();
  await using _ = box;
  const running = box.programs.keep(box.script('sleep 1000'), true);
  box.programs.once(box.script('echo begun >> $OUT; sleep 0.3; echo done >> $OUT'));
  await expect.poll(box.written).toEqual(['begun']);
  const { group = 0 } = running;
  await box.programs.close();
  expect(box.written()).toEqual(['begun', 'done']);
  expect(groupLives(group)).toBe(false);
  await running.stop();
});

test('two hundred commands of a key run for clients at a time; other keys have separate limits', async () => {
  await using box = openHookHarness();
  const keep = (hook: string) => box.programs.keep({ hook, text: 'sleep 1000', variables: {}, isCaused: true }, false);
  const started = Array.from({ length: 202 }, () => keep('runOnRead'));
  expect(started.filter(({ group }) => group !== undefined)).toHaveLength(200);
  expect(box.lines.filter(({ level }) => level === 40)).toMatchObject([{ limit: 200, hook: 'runOnRead' }]);
  expect(box.programs.tallies.of('runOnRead')).toMatchObject({ started: 200, leftOut: 2 });
  const other = keep('runOnDemand');
  expect(other.group).toBeDefined();
  await Promise.all([...started, other].map((one) => one.stop()));
  expect(keep('runOnRead').group).toBeDefined();
});

test('an invalid command is only an error in the log', async () => {
  await using box = openHookHarness();
  const command = { hook: 'runOnRead', text: `echo "open`, variables: {} };
  box.programs.once(command);
  await box.programs.keep(command, false).stop();
  expect(box.lines.map(({ level, msg }) => [level, msg])).toEqual([
    [50, 'command cannot be started'],
    [50, 'command cannot be started'],
  ]);
  expect(box.programs.tallies.of('runOnRead')).toMatchObject({ started: 0, failed: 2 });
});

test('while a command runs, it is associated with the paths whose addresses it contains', async () => {
  await using box = openHookHarness();
  const text = 'sh -c "sleep 1000; : rtsp://localhost:$RTSP_PORT/$MTX_PATH/small"';
  const running = box.programs.keep(
    { hook: 'runOnAvailable', text, variables: { RTSP_PORT: '8554', MTX_PATH: 'cam' } },
    false,
  );
  expect(box.programs.groupsNaming('cam/small')).toEqual([running.group]);
  expect(box.programs.groupsNaming('cam')).toEqual([]);
  await running.stop();
  expect(box.programs.groupsNaming('cam/small')).toEqual([]);
});

test('programs left by a killed Perch are ended at the next start, and no others', async () => {
  await using box = openHookHarness();
  const programOf = (mark: string) =>
    spawn('sh', ['-c', 'sleep 1000; :'], { env: { ...process.env, [MARK]: mark }, detached: true, stdio: 'ignore' });
  const [left, foreign] = [programOf('of this folder'), programOf('of this folder, too')];
  await Promise.all([once(left, 'spawn'), once(foreign, 'spawn')]);
  const ended = once(left, 'exit');
  await endLeftovers('of this folder', systemClock, box.log, { interruptMs: 300, terminateMs: 300 });
  await ended;
  expect(foreign.exitCode).toBe(null);
  expect(foreign.signalCode).toBe(null);
  process.kill(-(foreign.pid ?? 0), 'SIGKILL');
  expect(box.lines[0]).toMatchObject({ level: 40, msg: expect.stringContaining('earlier run') });
});
