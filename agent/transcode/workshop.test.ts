import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { lpcm } from '../../test/support/media/audio-tracks.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import type { Sample } from '../media/sample/sample.ts';
import { BatchWriter, readBatch, stampOf } from './batch.ts';
import type { EngineEvents, StartEngine } from './engine-host.ts';
import type { ToWorker } from './messages.ts';
import { Workshop } from './workshop.ts';

/** An engine whose answers the test gives. */
class Scripted {
  readonly messages: ToWorker[] = [];
  readonly events: EngineEvents;
  hasEnded = false;
  /** Requests that are not answered yet. */
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

  /** Gives each sample back as it came. */
  answer(): void {
    const writer = new BatchWriter();
    for (const request of this.#requests.splice(0)) {
      readBatch(request, (lane, pts, wall, data) => writer.add(lane, pts, wall, data));
      this.events.onMessage(writer.take(stampOf(request), request.byteLength));
    }
  }
}

function setup() {
  const clock = new FakeClock();
  const engines: Scripted[] = [];
  const told: unknown[][] = [];
  let failure: string | undefined;
  const fail = (reason: string | undefined): void => {
    failure = reason;
  };
  const start: StartEngine = (events) => {
    if (failure) {
      throw new Error(failure);
    }
    const engine = new Scripted(events);
    engines.push(engine);
    return engine;
  };
  const log = { ...silentLogger, warn: (...what: unknown[]) => told.push(what) } as unknown as Logger;
  const workshop = new Workshop(start, clock, log);
  const open = () => {
    const samples: Sample[] = [];
    const emit = (sample: Sample) => samples.push(sample);
    return { samples, lane: workshop.open('opus', lpcm, 960, emit, () => 'garden') };
  };
  /** The batch goes out at the end of the turn. */
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, engines, told, workshop, open, turn, fail };
}

const sample = (pts: number, bytes = 10): Sample => ({
  ...{ pts, dts: pts, wall: pts, key: true, data: new Uint8Array(bytes) },
});

test('the samples of a turn of the loop go out in one piece, whatever streams they are of', async () => {
  const { engines, open, turn } = setup();
  const [first, second] = [open(), open()];
  for (const pts of [0, 960, 1920]) {
    first.lane.push(sample(pts));
    second.lane.push(sample(pts + 5));
  }
  await turn();
  expect(engines[0]?.messages.map((message) => (message instanceof ArrayBuffer ? 'batch' : message.type))).toEqual([
    ...['open', 'open', 'batch'],
  ]);
  engines[0]?.answer();
  expect(first.samples.map(({ pts }) => pts)).toEqual([0, 960, 1920]);
  expect(second.samples.map(({ pts }) => pts)).toEqual([5, 965, 1925]);
});

test('what comes back late is dropped: there is no burst', async () => {
  const { clock, engines, open, turn } = setup();
  const { lane, samples } = open();
  lane.push(sample(0));
  await turn();
  await clock.advance(501);
  engines[0]?.answer();
  lane.push(sample(960));
  await turn();
  engines[0]?.answer();
  expect(samples.map(({ pts }) => pts)).toEqual([960]);
});

test('an engine that hangs is started again after five seconds, with one warning; its pauses double while it goes on', async () => {
  const { clock, engines, told, open, turn } = setup();
  const { lane } = open();
  const starts: number[] = [];
  for (let second = 0; second < 38; second += 1) {
    starts.push(engines.length);
    lane.push(sample(second * 48_000));
    await turn();
    await clock.advance(1000);
  }
  // Six seconds until it is seen, then one, two and four of pause.
  expect(starts.map((count, i) => (count > (starts[i - 1] ?? 0) ? i : -1)).filter((i) => i >= 0)).toEqual([
    0, 7, 15, 25,
  ]);
  expect(engines.slice(0, 3).every(({ hasEnded }) => hasEnded)).toBe(true);
  expect(told.slice(0, 2)).toEqual([
    [{ reason: 'no answer for 5000 ms', pauseMs: 1000 }, 'transcoding of sound failed: it starts again'],
    [{ reason: 'no answer for 5000 ms', pauseMs: 2000 }, 'transcoding of sound failed: it starts again'],
  ]);
});

test('an engine for which the machine has no thread is tried again like one that died', async () => {
  const { clock, engines, told, workshop, open, fail } = setup();
  fail('no thread');
  const { lane, samples } = open();
  lane.push(sample(0));
  await clock.advance(2_000);
  fail(undefined);
  await clock.advance(2_000);
  expect([workshop.isRunning, engines.length, told.length, samples]).toEqual([true, 1, 2, []]);
  expect(told[0]).toEqual([{ reason: 'no thread', pauseMs: 1000 }, 'transcoding of sound failed: it starts again']);
});

test('what an engine does not take is dropped beyond eight megabytes', async () => {
  const { engines, open, turn } = setup();
  const lanes = Array.from({ length: 100 }, open);
  for (const { lane } of lanes) {
    lane.push(sample(0, 200_000));
    await turn();
  }
  engines[0]?.answer();
  const turned = lanes.filter(({ samples }) => samples.length > 0).length;
  expect(turned).toBeGreaterThan(40);
  expect(turned).toBeLessThan(45);
  const { lane, samples } = lanes[0] as (typeof lanes)[0];
  lane.push(sample(1_000_000));
  await turn();
  engines[0]?.answer();
  expect(samples.at(-1)?.pts).toBe(1_000_000);
});

test('a stream that floods with crumbs of sound gets its share, is told of once by its path, and takes nothing from the others', async () => {
  const { clock, engines, told, open, turn } = setup();
  const [flood, other] = [open(), open()];
  for (let i = 0; i < 300_000; i += 1) {
    flood.lane.push(sample(i, 1));
  }
  other.lane.push(sample(0, 1920));
  await turn();
  const [batch] = engines[0]?.messages.filter((message) => message instanceof ArrayBuffer) ?? [];
  expect(batch?.byteLength).toBeLessThan(2 << 20);
  engines[0]?.answer();
  expect(other.samples.length).toBe(1);
  expect(told).toEqual([
    [{ path: 'garden', codec: 'lpcm' }, 'sound of a stream comes faster than it plays: what is too much is not turned'],
  ]);
  await clock.advance(1000);
  flood.lane.push(sample(96_000_000, 1));
  await turn();
  engines[0]?.answer();
  expect(flood.samples.at(-1)?.pts).toBe(96_000_000);
});

test('a main loop that stood still is not taken for an engine that hangs', async () => {
  const { clock, engines, told, open, turn } = setup();
  const { lane } = open();
  await clock.advance(1000);
  lane.push(sample(0));
  await turn();
  clock.skip(20_000);
  // Timers come before messages.
  await clock.advance(0);
  engines[0]?.answer();
  await clock.advance(3000);
  expect([engines.length, engines[0]?.hasEnded, told]).toEqual([1, false, []]);
});

test('times never run backwards', async () => {
  const { engines, open, turn } = setup();
  const { lane, samples } = open();
  for (const pts of [960, 1920, 1900, 2879, 2880]) {
    lane.push(sample(pts));
  }
  await turn();
  engines[0]?.answer();
  expect(samples.map(({ pts }) => pts)).toEqual([960, 1920, 2880]);
});

test('the engine ends half a minute after the last stream, and is there at once for who comes before', async () => {
  const { clock, engines, workshop, open } = setup();
  open().lane.close?.();
  await clock.advance(29_000);
  const { lane } = open();
  await clock.advance(60_000);
  expect(engines).toHaveLength(1);
  lane.close?.();
  lane.close?.();
  await clock.advance(29_000);
  expect(workshop.isRunning).toBe(true);
  await clock.advance(2_000);
  expect([workshop.isRunning, engines[0]?.hasEnded, clock.sleeping]).toEqual([false, true, 0]);
  open();
  expect(engines).toHaveLength(2);
});

test('who waits for it to settle does not wait for what others push after that', async () => {
  const { engines, workshop, open, turn } = setup();
  const { lane } = open();
  lane.push(sample(0));
  let hasSettled = false;
  void workshop.settled().then(() => {
    hasSettled = true;
  });
  await turn();
  expect(hasSettled).toBe(false);
  const [answered] = [engines[0]?.messages.at(-1) as ArrayBuffer];
  lane.push(sample(960));
  await turn();
  engines[0]?.events.onMessage(new BatchWriter().take(stampOf(answered), answered.byteLength));
  await turn();
  expect(hasSettled).toBe(true);
});

test('who waits for it to settle waits no longer than the engine lives', async () => {
  const { engines, workshop, open } = setup();
  const { lane } = open();
  lane.push(sample(0));
  const settled = workshop.settled();
  await new Promise((resolve) => setImmediate(resolve));
  engines[0]?.events.onDied('the test wants it');
  await settled;
  await workshop.settled();
});

test('a lane’s fault is told once', () => {
  const { engines, told, open } = setup();
  open();
  for (let i = 0; i < 3; i += 1) {
    engines[0]?.events.onMessage({ type: 'fault', lane: 1, message: 'no' });
    engines[0]?.events.onMessage({ type: 'fault', lane: 2, message: 'of nobody' });
  }
  expect(told).toEqual([[{ path: 'garden', codec: 'lpcm', reason: 'no' }, 'sound of a stream cannot be turned']]);
});
