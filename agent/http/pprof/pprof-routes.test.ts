import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { openHttpHarness } from '../../../test/support/harness/http/http-harness.ts';
import { cors } from '../listener/cors.ts';
import { mountPprof, PPROF_HEADERS, PPROF_METHODS } from './pprof-routes.ts';
import { Profiler } from './profiler.ts';

const LOOPBACK = { remoteAddress: '127.0.0.1', headers: { host: 'localhost' } };
const OWNER = `Basic ${Buffer.from('owner:blue heron').toString('base64')}`;

/** A real one takes seconds. */
const ENOUGH = {
  availableBytes: () => Number.MAX_SAFE_INTEGER,
  takeSnapshot: () => Readable.from(['{"snapshot":{}}']),
};

interface Given {
  readonly isAlone?: boolean;
  readonly availableBytes?: number;
}

async function open({ isAlone = true, availableBytes }: Given = {}) {
  const clock = new FakeClock();
  const box = await openHttpHarness({ password: 'blue heron' });
  const short = availableBytes === undefined ? {} : { availableBytes: () => availableBytes };
  const profiler = new Profiler({ clock, ...ENOUGH, ...short });
  const hook = cors(() => ['*'], PPROF_METHODS, PPROF_HEADERS);
  await mountPprof(box.app, { access: box.access, cors: hook, profiler, wallMs: () => clock.wallMs() }, isAlone);
  const get = (url: string, headers: object = { authorization: OWNER }) =>
    box.app.inject({ url, ...LOOPBACK, headers: { ...LOOPBACK.headers, ...headers } });
  return { clock, get, profiler, [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() };
}

/** Waits until the profile has started, then advances the clock to its end. */
async function after<T>(clock: FakeClock, ms: number, answer: Promise<T>): Promise<T> {
  await expect.poll(() => clock.sleeping).toBe(1);
  await clock.advance(ms);
  return await answer;
}

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
}

test('a CPU profile shows functions with their time', async () => {
  await using box = await open();
  const answer = box.get('/debug/pprof/profile?seconds=1');
  await expect.poll(() => box.clock.sleeping).toBe(1);
  const endMs = performance.now() + 200;
  const hardWork = () => {
    let sum = 0;
    while (performance.now() < endMs) {
      sum += Math.sqrt(sum + 1);
    }
    return sum;
  };
  hardWork();
  const { statusCode, headers, body } = await after(box.clock, 1_000, answer);
  expect([statusCode, headers['content-disposition']]).toEqual([
    200,
    'attachment; filename="perch-2026-01-01T00-00-01-000Z.cpuprofile"',
  ]);
  const profile = JSON.parse(body) as CpuProfile;
  expect(profile.nodes.map(({ callFrame }) => callFrame.functionName)).toContain('hardWork');
  expect(profile.samples.length).toBeGreaterThan(10);
});

test('a heap profile shows allocations by function', async () => {
  await using box = await open();
  const { statusCode, headers, body } = await after(box.clock, 30_000, box.get('/debug/pprof/allocs'));
  expect([statusCode, headers['content-disposition']]).toEqual([200, expect.stringContaining('.heapprofile"')]);
  expect(JSON.parse(body)).toMatchObject({ head: { callFrame: { functionName: '(root)' } } });
});

test('one profile at a time: the next request gets the time to wait, and succeeds then', async () => {
  await using box = await open();
  const first = box.get('/debug/pprof/profile?seconds=20');
  await expect.poll(() => box.clock.sleeping).toBe(1);
  for (const name of ['profile', 'allocs', 'heapsnapshot', 'heap?gc=1']) {
    const { statusCode, headers } = await box.get(`/debug/pprof/${name}`);
    expect([statusCode, headers['retry-after']]).toEqual([429, '20']);
  }
  expect((await after(box.clock, 20_000, first)).statusCode).toBe(200);
  const next = await after(box.clock, 1_000, box.get('/debug/pprof/profile?seconds=1'));
  expect(next.statusCode).toBe(200);
});

test('a client that leaves early frees the profiler', async () => {
  await using box = await open();
  const gone = new AbortController();
  const profile = box.profiler.profile('cpu', 60, gone.signal);
  await expect.poll(() => box.clock.sleeping).toBe(1);
  gone.abort();
  expect(await profile).toBeUndefined();
  expect(() => box.profiler.snapshot().destroy()).not.toThrow();
});

test.for(['profile?seconds=60', 'heapsnapshot'])(
  'a client that leaves during the authorization of %s starts no profile',
  async (name) => {
    await using box = await openHttpHarness();
    const clock = new FakeClock();
    const takeSnapshot = vi.fn(ENOUGH.takeSnapshot);
    const profiler = new Profiler({ clock, ...ENOUGH, takeSnapshot });
    const [asked, letIn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const require = () => {
      asked.resolve();
      return letIn.promise;
    };
    const hook = cors(() => ['*'], PPROF_METHODS, PPROF_HEADERS);
    await mountPprof(box.app, { access: { require }, cors: hook, profiler, wallMs: () => clock.wallMs() }, true);
    const { server, port } = await listenLocally(box.app);
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(port, '127.0.0.1');
    client.write(`GET /debug/pprof/${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const [connection] = await connected;
    const closed = once(connection, 'close');
    await asked.promise;
    client.destroy();
    await closed;
    letIn.resolve();
    await setImmediate();
    expect(takeSnapshot).not.toHaveBeenCalled();
    expect(() => profiler.snapshot().destroy()).not.toThrow();
  },
);

test('a profile that fails to start frees the profiler', async () => {
  const profiler = new Profiler({ clock: new FakeClock(), ...ENOUGH });
  using connect = vi.spyOn(Session.prototype, 'connect').mockImplementation(() => {
    throw new Error('no inspector');
  });
  await expect(profiler.profile('cpu', 1, AbortSignal.abort())).rejects.toThrow('no inspector');
  expect(connect).toHaveBeenCalledOnce();
  expect(() => profiler.snapshot().destroy()).not.toThrow();
});

test.for(['0', '61', '-1', '1.5', 'many', '', '1&seconds=2'])('seconds=%s is rejected', async (seconds) => {
  await using box = await open();
  const { statusCode, json } = await box.get(`/debug/pprof/profile?seconds=${seconds}`);
  expect([statusCode, json().error]).toEqual([400, expect.stringContaining('is not a whole number from 1 to 60')]);
});

test('the heap is reported with the memory that a snapshot needs', async () => {
  await using box = await open({ availableBytes: 5 });
  const { statusCode, json } = await box.get('/debug/pprof/heap');
  const facts = json() as ReturnType<Profiler['heap']>;
  expect(statusCode).toBe(200);
  expect(facts.heap.used_heap_size).toBeGreaterThan(1e6);
  expect(facts.spaces.length).toBeGreaterThan(3);
  expect(facts.snapshot.availableBytes).toBe(5);
  expect(facts.snapshot.needsBytes).toBeGreaterThan(facts.heap.used_heap_size);
});

test('open resources are counted, and with gc=1 garbage is collected first', async () => {
  await using box = await open();
  const heap = async (query: string) =>
    (await box.get(`/debug/pprof/heap${query}`)).json() as ReturnType<Profiler['heap']>;
  const timers = (await heap('')).resources['Timeout'] ?? 0;
  const timer = setTimeout(() => {}, 1e6);
  expect((await heap('')).resources['Timeout']).toBe(timers + 1);
  clearTimeout(timer);
  const held = new WeakRef({ big: new Array(1_000).fill(0) });
  // A WeakRef keeps its target alive until the end of the turn.
  await setImmediate();
  await heap('?gc=0');
  await heap('?gc=1');
  expect(held.deref()).toBeUndefined();
});

test('a snapshot is rejected without enough memory, else streamed, one at a time', async () => {
  await using small = await open({ availableBytes: 8e6 });
  const { statusCode, json } = await small.get('/debug/pprof/heapsnapshot');
  expect([statusCode, json().error]).toEqual([
    507,
    expect.stringMatching(/^a heap snapshot needs some \d+ MB .* 8 MB are free$/),
  ]);
  await using large = await open();
  for (let round = 0; round < 2; round += 1) {
    const answer = await large.get('/debug/pprof/heapsnapshot');
    expect([answer.statusCode, answer.body]).toEqual([200, '{"snapshot":{}}']);
    expect(answer.headers['content-disposition']).toContain('.heapsnapshot"');
  }
});

test('a snapshot has the format of the developer tools; after it V8 no longer follows each object through collections', async () => {
  const session = new Session();
  session.connect();
  onTestFinished(() => session.disconnect());
  const { result } = await session.post('Runtime.evaluate', { expression: 'globalThis' });
  const idInSnapshots = () => session.post('HeapProfiler.getHeapObjectId', { objectId: `${result.objectId}` });

  const { availableBytes } = ENOUGH;
  const profiler = new Profiler({ clock: new FakeClock(), availableBytes });
  const stream = profiler.snapshot();
  const followed = await idInSnapshots();
  const closed = once(stream, 'close');
  const [first] = await once(stream, 'data');
  expect(`${first}`).toMatch(/^\{"snapshot":\{"meta":\{"node_fields":/);
  stream.destroy();
  await closed;
  expect(await idInSnapshots()).not.toEqual(followed);
});

test("MediaMTX's other addresses list the available profiles", async () => {
  await using box = await open();
  const index = await box.get('/debug/pprof/');
  expect([index.statusCode, index.body]).toEqual([200, expect.stringContaining('/debug/pprof/profile?seconds=30')]);
  expect((await box.get('/debug/pprof')).headers.location).toBe('pprof/');
  for (const name of ['goroutine', 'block', 'mutex', 'threadcreate', 'trace', 'cmdline', 'symbol']) {
    const { statusCode, body } = await box.get(`/debug/pprof/${name}?debug=1`);
    expect([statusCode, body]).toEqual([404, expect.stringContaining('/debug/pprof/heap')]);
  }
});

test('profiles need the permission pprof, a snapshot also the owner: it contains passwords', async () => {
  const users = [{ user: 'ops', pass: 'pw', ips: [], permissions: [{ action: 'pprof' as const, path: '' }] }];
  await using box = await openHttpHarness({ password: 'blue heron', rules: { isOwn: true, internalUsers: users } });
  const clock = new FakeClock();
  const profiler = new Profiler({ clock, ...ENOUGH });
  const hook = cors(() => ['*'], PPROF_METHODS, PPROF_HEADERS);
  await mountPprof(box.app, { access: box.access, cors: hook, profiler, wallMs: () => clock.wallMs() }, true);
  const status = async (url: string, authorization?: string) => {
    const headers = { ...LOOPBACK.headers, ...(authorization === undefined ? {} : { authorization }) };
    return (await box.app.inject({ url, ...LOOPBACK, headers })).statusCode;
  };
  const ops = `Basic ${Buffer.from('ops:pw').toString('base64')}`;
  const heap = '/debug/pprof/heap';
  expect([await status(heap), await status(heap, ops), await status(heap, OWNER)]).toEqual([401, 200, 200]);
  const snapshot = '/debug/pprof/heapsnapshot';
  expect([await status(snapshot), await status(snapshot, ops), await status(snapshot, OWNER)]).toEqual([401, 401, 200]);
  expect(await status('/elsewhere')).toBe(401);
});

test('on the main port other routes do not need the permission pprof', async () => {
  await using box = await open({ isAlone: false });
  expect((await box.get('/elsewhere', {})).statusCode).toBe(404);
  expect((await box.get('/debug/pprof/heap', {})).statusCode).toBe(401);
  expect((await box.get('/debug/pprof/heap')).statusCode).toBe(200);
});
