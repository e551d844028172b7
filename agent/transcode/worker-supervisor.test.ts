import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { lpcm } from '../../test/support/media/audio-tracks.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import { BatchWriter, readBatch, stampOf } from './batch.ts';
import type { ToWorker } from './contracts.ts';
import type { EngineEvents, StartEngine } from './engine-host.ts';
import { WorkerSupervisor } from './worker-supervisor.ts';

/** Of `lpcm`. */
const BYTES_PER_MS = 192;

/** An engine whose responses the test triggers. */
class ScriptedEngine {
  readonly messages: ToWorker[] = [];
  readonly events: EngineEvents;
  hasEnded = false;
  readonly #requests: ArrayBuffer[] = [];

  constructor(events: EngineEvents) {
    this.events = events;
  }

  post(message: ToWorker): void {
    this.messages.push(message);
    if (message instanceof ArrayBuffer) {
      this.#requests.push(message);
    }
  }

  end(): void {
    this.hasEnded = true;
  }

  /** Returns each sample unchanged. */
  answer(): void {
    const writer = new BatchWriter();
    for (const request of this.#requests.splice(0)) {
      readBatch(request, (job, pts, wall, data) => writer.add(job, pts, wall, data));
      this.events.onMessage(writer.take(stampOf(request), request.byteLength));
    }
  }
}

function setup() {
  const clock = new FakeClock();
  const engines: ScriptedEngine[] = [];
  const logged: unknown[][] = [];
  let failure: string | undefined;
  const fail = (reason: string | undefined): void => {
    failure = reason;
  };
  const start: StartEngine = (events) => {
    if (failure) {
      throw new Error(failure);
    }
    const engine = new ScriptedEngine(events);
    engines.push(engine);
    return engine;
  };
  const log = { ...silentLogger, warn: (...what: unknown[]) => logged.push(what) } as unknown as Logger;
  const supervisor = new WorkerSupervisor(start, clock, log);
  const open = () => {
    const samples: Sample[] = [];
    const emit = (sample: Sample) => samples.push(sample);
    return { samples, job: supervisor.open('opus', lpcm, 960, emit, () => 'garden') };
  };
  /** The batch is posted at the end of the turn. */
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, engines, logged, supervisor, open, turn, fail };
}

const sample = (pts: number, bytes = 10): Sample => ({
  pts,
  dts: pts,
  wall: pts,
  key: true,
  data: new Uint8Array(bytes),
});

test('the samples of one turn of the event loop form one batch across all streams', async () => {
  const { engines, open, turn } = setup();
  const [first, second] = [open(), open()];
  for (const pts of [0, 960, 1920]) {
    first.job.push(sample(pts));
    second.job.push(sample(pts + 5));
  }
  await turn();
  expect(engines[0]?.messages.map((message) => (message instanceof ArrayBuffer ? 'batch' : message.type))).toEqual([
    ...['open', 'open', 'batch'],
  ]);
  engines[0]?.answer();
  expect(first.samples.map(({ pts }) => pts)).toEqual([0, 960, 1920]);
  expect(second.samples.map(({ pts }) => pts)).toEqual([5, 965, 1925]);
});

test('samples wait until one of them may complete a frame; at a gap, and without a duration, they do not wait', async () => {
  const { engines, open, turn } = setup();
  const { job } = open();
  const [engine] = engines as [ScriptedEngine];
  const batches = (): number => engine.messages.filter((message) => message instanceof ArrayBuffer).length;
  /** Says after how much sound the next frame is complete. */
  const complete = (soundMs: number): void => {
    const response = new BatchWriter();
    response.add(1, soundMs, 0, new Uint8Array(0));
    engine.events.onMessage(response.take(0));
  };
  let pts = 0;
  /** @returns whether the engine got it */
  const push = async (ms: number): Promise<boolean> => {
    const before = batches();
    job.push(sample(pts, ms * BYTES_PER_MS));
    pts += ms * 48;
    await turn();
    return batches() > before;
  };
  expect(await push(20)).toBe(true);
  complete(70);
  expect([await push(20), await push(5), await push(20), await push(5)]).toEqual([false, false, false, true]);
  complete(1_000);
  expect(await push(20)).toBe(false);
  pts += 11 * 48;
  expect([await push(20), await push(20), await push(0)]).toEqual([true, false, true]);
  engine.events.onExit('gone');
});

test('late output is dropped instead of delivered in a burst', async () => {
  const { clock, engines, open, turn } = setup();
  const { job, samples } = open();
  job.push(sample(0));
  await turn();
  await clock.advance(501);
  engines[0]?.answer();
  job.push(sample(960));
  await turn();
  engines[0]?.answer();
  expect(samples.map(({ pts }) => pts)).toEqual([960]);
});

test('an engine that hangs is restarted after five seconds with one warning, and the pauses double while it keeps hanging', async () => {
  const { clock, engines, logged, open, turn } = setup();
  const { job } = open();
  const starts: number[] = [];
  for (let second = 0; second < 38; second += 1) {
    starts.push(engines.length);
    job.push(sample(second * 48_000));
    await turn();
    await clock.advance(1000);
  }
  // Six seconds until detection, then pauses of one, two and four.
  expect(starts.map((count, i) => (count > (starts[i - 1] ?? 0) ? i : -1)).filter((i) => i >= 0)).toEqual([
    0, 7, 15, 25,
  ]);
  expect(engines.slice(0, 3).every(({ hasEnded }) => hasEnded)).toBe(true);
  expect(logged.slice(0, 2)).toEqual([
    [{ reason: 'no answer for 5000 ms', pauseMs: 1000 }, 'audio transcoding failed, restarting'],
    [{ reason: 'no answer for 5000 ms', pauseMs: 2000 }, 'audio transcoding failed, restarting'],
  ]);
});

test('an engine without a thread is retried like one that died', async () => {
  const { clock, engines, logged, supervisor, open, fail } = setup();
  fail('no thread');
  const { job, samples } = open();
  job.push(sample(0));
  await clock.advance(2_000);
  fail(undefined);
  await clock.advance(2_000);
  expect([supervisor.isRunning, engines.length, logged.length, samples]).toEqual([true, 1, 2, []]);
  expect(logged[0]).toEqual([{ reason: 'no thread', pauseMs: 1000 }, 'audio transcoding failed, restarting']);
});

test('samples beyond eight unanswered megabytes are dropped', async () => {
  const { engines, open, turn } = setup();
  const jobs = Array.from({ length: 100 }, open);
  for (const { job } of jobs) {
    job.push(sample(0, 200_000));
    await turn();
  }
  engines[0]?.answer();
  const turned = jobs.filter(({ samples }) => samples.length > 0).length;
  expect(turned).toBeGreaterThan(40);
  expect(turned).toBeLessThan(45);
  const { job, samples } = jobs[0] as (typeof jobs)[0];
  job.push(sample(1_000_000));
  await turn();
  engines[0]?.answer();
  expect(samples.at(-1)?.pts).toBe(1_000_000);
});

test('a stream that floods tiny samples gets its share, is logged once by its path, and does not slow others', async () => {
  const { clock, engines, logged, open, turn } = setup();
  const [flooding, other] = [open(), open()];
  for (let i = 0; i < 300_000; i += 1) {
    flooding.job.push(sample(i, 1));
  }
  other.job.push(sample(0, 1920));
  await turn();
  const [batch] = engines[0]?.messages.filter((message) => message instanceof ArrayBuffer) ?? [];
  expect(batch?.byteLength).toBeLessThan(2 << 20);
  engines[0]?.answer();
  expect(other.samples.length).toBe(1);
  expect(logged).toEqual([[{ path: 'garden', codec: 'lpcm' }, 'audio arrives faster than real time, excess dropped']]);
  await clock.advance(1000);
  flooding.job.push(sample(96_000_000, 1));
  await turn();
  engines[0]?.answer();
  expect(flooding.samples.at(-1)?.pts).toBe(96_000_000);
});

test('a blocked main loop does not count as a hanging engine', async () => {
  const { clock, engines, logged, open, turn } = setup();
  const { job } = open();
  await clock.advance(1000);
  job.push(sample(0));
  await turn();
  clock.skip(20_000);
  // Timers run before messages.
  await clock.advance(0);
  engines[0]?.answer();
  await clock.advance(3000);
  expect([engines.length, engines[0]?.hasEnded, logged]).toEqual([1, false, []]);
});

test('timestamps never run backwards', async () => {
  const { engines, open, turn } = setup();
  const { job, samples } = open();
  for (const pts of [960, 1920, 1900, 2879, 2880]) {
    job.push(sample(pts));
  }
  await turn();
  engines[0]?.answer();
  expect(samples.map(({ pts }) => pts)).toEqual([960, 1920, 2880]);
});

test('the engine ends 30 seconds after the last job and serves a new job at once before that', async () => {
  const { clock, engines, supervisor, open } = setup();
  open().job.close?.();
  await clock.advance(29_000);
  const { job } = open();
  await clock.advance(60_000);
  expect(engines).toHaveLength(1);
  job.close?.();
  job.close?.();
  await clock.advance(29_000);
  expect(supervisor.isRunning).toBe(true);
  await clock.advance(2_000);
  expect([supervisor.isRunning, engines[0]?.hasEnded, clock.sleeping]).toEqual([false, true, 0]);
  open();
  expect(engines).toHaveLength(2);
});

test('settled does not wait for samples pushed later', async () => {
  const { engines, supervisor, open, turn } = setup();
  const { job } = open();
  job.push(sample(0));
  let hasSettled = false;
  void supervisor.settled().then(() => {
    hasSettled = true;
  });
  await turn();
  expect(hasSettled).toBe(false);
  const [answered] = [engines[0]?.messages.at(-1) as ArrayBuffer];
  job.push(sample(960));
  await turn();
  engines[0]?.events.onMessage(new BatchWriter().take(stampOf(answered), answered.byteLength));
  await turn();
  expect(hasSettled).toBe(true);
});

test('settled resolves when the engine dies', async () => {
  const { engines, supervisor, open } = setup();
  const { job } = open();
  job.push(sample(0));
  const settled = supervisor.settled();
  await new Promise((resolve) => setImmediate(resolve));
  engines[0]?.events.onExit('the test ends it');
  await settled;
  await supervisor.settled();
});

test('a job’s failure is logged once', () => {
  const { engines, logged, open } = setup();
  open();
  for (let i = 0; i < 3; i += 1) {
    engines[0]?.events.onMessage({ type: 'failure', job: 1, message: 'no' });
    engines[0]?.events.onMessage({ type: 'failure', job: 2, message: 'of an unknown job' });
  }
  expect(logged).toEqual([[{ path: 'garden', codec: 'lpcm', reason: 'no' }, 'audio cannot be transcoded']]);
});
