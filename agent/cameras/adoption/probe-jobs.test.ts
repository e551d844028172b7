import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { type ProbeJob, ProbeJobs, type ProbeWork } from './probe-jobs.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));
const untilAborted: ProbeWork = (signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new PerchError('unavailable', 'given up')));
  });

function openLooks() {
  const jobs: ProbeJob[] = [];
  const stop = new AbortController();
  return { jobs, stop, looks: new ProbeJobs(silentLogger, stop.signal, (look) => jobs.push(look)) };
}

test('a job reports its progress and then its result', async () => {
  const { looks, jobs } = openLooks();
  const { id, state } = looks.start('192.168.1.9', async (_signal, tell) => {
    tell({ what: 'a probe', done: 0, total: 9 });
    return { onvif: 'http://192.168.1.9/' };
  });
  expect(state).toBe('running');
  await settle();
  expect(looks.get(id)).toMatchObject({
    state: 'done',
    what: 'a probe',
    done: 9,
    at: { onvif: 'http://192.168.1.9/' },
  });
  expect(jobs.map((look) => look.state)).toEqual(['running', 'done']);
});

test('a failure is reported with its message', async () => {
  const { looks } = openLooks();
  const { id } = looks.start('192.168.1.9', () => Promise.reject(new PerchError('timeout', 'no answer')));
  await settle();
  expect(looks.get(id)).toMatchObject({ state: 'failed', failure: { trouble: 'timeout', words: 'no answer' } });
});

test('an internal error is logged and ends only that search', async () => {
  const lines: string[] = [];
  const looks = new ProbeJobs(
    createLogger('error', (line) => lines.push(line)),
    new AbortController().signal,
    () => {},
  );
  const { id } = looks.start('192.168.1.9', () => Promise.reject(new TypeError('x of undefined')));
  await settle();
  expect(looks.get(id)?.failure?.words).toBe('internal error');
  expect(lines.join('')).toContain('x of undefined');
});

test('four jobs run at a time; a cancelled one makes room', async () => {
  const { looks, stop } = openLooks();
  const ids = [1, 2, 3, 4].map(() => looks.start('192.168.1.9', untilAborted).id);
  expect(() => looks.start('192.168.1.9', untilAborted)).toThrow('4 addresses are being probed');
  expect(looks.end(ids[0] ?? '')).toBe(true);
  await settle();
  expect(looks.get(ids[0] ?? '')?.state).toBe('failed');
  expect(looks.start('192.168.1.9', untilAborted).state).toBe('running');
  stop.abort();
  await settle();
  expect(ids.map((id) => looks.get(id)?.state)).toEqual(['failed', 'failed', 'failed', 'failed']);
});

test('the last 32 are remembered', async () => {
  const { looks } = openLooks();
  const ids: string[] = [];
  for (let i = 0; i < 40; i += 1) {
    ids.push(looks.start('192.168.1.9', async () => undefined).id);
    await settle();
  }
  expect(ids.filter((id) => looks.get(id)).length).toBe(32);
  expect(looks.get(ids.at(-1) ?? '')?.state).toBe('done');
});
