import childProcess, { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../../test/support/base/fake-clock.ts';
import { type Clock, systemClock } from '../../../../base/clock.ts';
import { explain, type PerchError } from '../../../../base/errors.ts';
import { ProcessDetector, pauseAfter } from './process-detector.ts';

const failing = { isOn: false };
const realSpawn = childProcess.spawn;
/** What `spawn` returns if there are no file descriptors for pipes. */
function withoutPipes(): childProcess.ChildProcess {
  const child = new childProcess.ChildProcess();
  process.nextTick(() => child.emit('error', new Error('spawn EMFILE')));
  return child;
}
beforeAll(() => {
  childProcess.spawn = ((...of: Parameters<typeof realSpawn>) =>
    failing.isOn ? withoutPipes() : realSpawn(...of)) as typeof realSpawn;
  syncBuiltinESMExports();
});
afterAll(() => {
  childProcess.spawn = realSpawn;
  syncBuiltinESMExports();
});

/** In place of onnxruntime-web: a model is a script whose value is `run`, of 64x64 pixels. */
const RUNTIME = `
export const env = { wasm: {} };
export class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
export const InferenceSession = {
  async create(bytes) {
    const made = (0, eval)(bytes.toString());
    const metadata = made.metadata ?? { type: 'float32', shape: [1, 3, 64, 64] };
    return { inputNames: ['in'], inputMetadata: [metadata], outputNames: ['out'], run: async (feeds) => ({ out: made.run(feeds.in) }) };
  },
};`;

/** YOLOv8 of one class, with 84 cells: a person in the middle third, whose score is the first value of the input. */
const GOOD = `
globalThis.output = (score) => {
  const data = new Float32Array(5 * 84);
  [32, 32, 22, 22, score].forEach((value, row) => { data[row * 84] = value; });
  return { type: 'float32', dims: [1, 5, 84], data };
};
globalThis.pictures = -1;`;
const modelThat = (run: string, start = ''): string =>
  `${GOOD}${start};({ run({ data }) { globalThis.pictures += 1; if (pictures > 0) { ${run} } return output(data[0]); } })`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-detector-'));
  await writeFile(join(folder, 'ort.wasm.bundle.min.mjs'), RUNTIME);
  await writeFile(join(folder, 'ort-wasm-simd-threaded.wasm'), '');
});
afterAll(() => rm(folder, { recursive: true }));

let models = 0;
interface Made {
  readonly detector: ProcessDetector;
  examine(): ReturnType<ProcessDetector['examine']>;
  readonly logged: string[];
  readonly refusals: PerchError[];
}

async function detectorOf(
  script: string,
  limits: { maxBytes?: number; startMs?: number; pictureMs?: number } = {},
  clock: Clock = systemClock,
  labels: readonly string[] = ['person'],
  share = 1,
): Promise<Made> {
  models += 1;
  const model = join(folder, `${models}.onnx`);
  await writeFile(model, script);
  const logged: string[] = [];
  const log = { warn: ({ reason }: { reason: string }) => logged.push(reason) };
  const refusals: PerchError[] = [];
  const refused = (error: PerchError) => void refusals.push(error);
  const detector = new ProcessDetector({
    model,
    runtime: folder,
    labels,
    clock,
    log: log as never,
    limits,
    refused,
    share,
  });
  onTestFinished(() => detector.close());
  const rgb = new Uint8Array(3 * 64 * 64).fill(204);
  const picture = async () => ({ width: 64, height: 64, rgb });
  return { detector, logged, refusals, examine: () => detector.examine({ path: 'front', eventUs: 1, picture }) };
}

const reasonOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing',
    (error) => `${(error as PerchError).code}: ${explain(error)}`,
  );
const FOUND = [
  { type: 'person', score: expect.closeTo(0.8, 3), box: expect.objectContaining({ width: expect.closeTo(22 / 64) }) },
];

test('pictures of all cameras go to one process, which is there while it is needed', async () => {
  const { detector, examine, logged } = await detectorOf(modelThat(''));
  expect([detector.pid, detector.memoryBytes, detector.inputSize]).toEqual([undefined, undefined, 416]);
  expect((await examine()).objects).toEqual(FOUND);
  const { pid = 0 } = detector;
  expect(detector.inputSize).toBe(64);
  expect(detector.memoryBytes).toBeGreaterThan(20e6);
  const [first, second] = await Promise.all([examine(), examine()]);
  expect([first.objects, second.objects]).toEqual([FOUND, FOUND]);
  expect(detector.pid).toBe(pid);
  await detector.close();
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(await reasonOf(examine())).toBe('unavailable: Perch ends');
  expect(logged).toEqual([]);
});

test('it ends after a minute without a picture, and the next picture starts another', async () => {
  const clock = new FakeClock();
  const { detector, examine } = await detectorOf(modelThat(''), {}, clock);
  await examine();
  const { pid } = detector;
  await clock.advance(59_000);
  await examine();
  await clock.advance(59_999);
  expect(detector.pid).toBe(pid);
  await clock.advance(1);
  expect(detector.pid).toBeUndefined();
  await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  expect((await examine()).objects).toEqual(FOUND);
  expect(detector.pid).not.toBe(pid);
});

describe.runIf(process.platform === 'linux')('the process', () => {
  test('lets others go first, and has no secrets in its environment', async () => {
    process.env['PERCH_TEST_SECRET'] = 'swordfish';
    const { detector, examine } = await detectorOf(modelThat(''));
    await examine();
    delete process.env['PERCH_TEST_SECRET'];
    const { pid } = detector;
    const priorities = execFileSync('ps', ['-L', '-o', 'ni=', '-p', `${pid}`], { encoding: 'utf8' });
    expect([...new Set(priorities.trim().split(/\s+/))]).toEqual(['19']);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim()).toBe('1000');
    const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .map((one) => one.split('=')[0]);
    expect(names.filter((name) => name && !name.startsWith('MALLOC_'))).toEqual([]);
  });

  test('may not read other files, write, connect or start programs', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const tries: Readonly<Record<string, string>> = {
      read: `builtin('fs').readFileSync('/etc/hostname')`,
      list: `builtin('fs').readdirSync('/')`,
      write: `builtin('fs').writeFileSync('${folder}/1.onnx', 'x')`,
      run: `builtin('child_process').spawnSync('true').error`,
      thread: `new (builtin('worker_threads').Worker)('1', { eval: true })`,
      connect: `builtin('net').connect(${port}, '127.0.0.1')`,
    };
    for (const [name, script] of Object.entries(tries)) {
      const { examine } = await detectorOf(modelThat('', `;const builtin = process.getBuiltinModule; ${script}`));
      expect(await reasonOf(examine()), name).toContain('Access to this API has been restricted');
    }
  });

  test.for([
    ['a picture', 'for (;;) {}', '', { pictureMs: 300 }, '0.3 s for a picture'],
    ['its start', '', ';for (;;) {}', { startMs: 500 }, '0.5 s for its start'],
  ] as const)('is killed when %s takes too long', async ([, run, start, limits, words]) => {
    const { detector, examine, logged } = await detectorOf(modelThat(run, start), limits);
    const reason = `the object detector took longer than ${words}`;
    expect(await reasonOf(examine())).toBe(`timeout: ${reason}`);
    expect(detector.pid).toBeUndefined();
    expect(logged).toEqual([reason]);
  });

  test('starts again with the next picture after a failure, but not at once after two', async () => {
    const { examine } = await detectorOf(modelThat('', `;process.kill(process.pid, 'SIGKILL')`));
    const reason = 'the object detector ended by SIGKILL, as for want of memory';
    expect(await reasonOf(examine())).toBe(`unavailable: ${reason}`);
    expect(await reasonOf(examine())).toBe(`unavailable: ${reason}`);
    expect(await reasonOf(examine())).toBe(
      `unavailable: the object detector failed 2 times in a row and starts again in 1 s: ${reason}`,
    );
  });

  test('is killed when it stands still', async () => {
    const { detector, examine } = await detectorOf(modelThat(`process.kill(process.pid, 'SIGSTOP')`), {
      pictureMs: 300,
    });
    expect(await reasonOf(examine())).toBe('timeout: the object detector took longer than 0.3 s for a picture');
    expect(detector.pid).toBeUndefined();
  });

  test('is killed when it takes too much memory', async () => {
    const hog =
      'globalThis.kept = []; for (;;) { kept.push(Buffer.alloc(1 << 20, 1)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2); }';
    const { examine, detector } = await detectorOf(modelThat(hog), { maxBytes: 250e6 });
    expect(await reasonOf(examine())).toMatch(
      /^unavailable: the object detector took 2[5-9]\d MB, the limit is 250 MB$/,
    );
    expect(detector.pid).toBeUndefined();
  });

  test.for([
    ['with a picture', `process.kill(process.pid, 'SIGKILL')`, /^unavailable: the object detector ended by SIGKILL/],
    ['by itself', 'process.exit(3)', /^unavailable: the object detector ended with exit code 3$/],
  ] as const)('that ends %s gives an error', async ([, run, reason]) => {
    const { examine } = await detectorOf(modelThat(run));
    expect(await reasonOf(examine())).toMatch(reason);
  });

  test('that is killed between two pictures costs nothing', async () => {
    const { detector, examine, logged } = await detectorOf(modelThat(''));
    for (let i = 0; i < 4; i += 1) {
      expect((await examine()).objects).toEqual(FOUND);
      process.kill(detector.pid ?? 0, 'SIGKILL');
      await expect.poll(() => detector.pid).toBeUndefined();
    }
    expect(logged).toEqual([]);
  });

  test.for([
    [
      'answers in another form',
      `process.getBuiltinModule('fs').writeSync(1, 'hello\\n')`,
      'the object detector answers in another form',
    ],
    [
      'answers before it is asked',
      `process.getBuiltinModule('fs').writeSync(1, '{"ready":{"layout":"x","width":1,"height":1}}\\n')`,
      'the object detector answers in another order',
    ],
    [
      'finds what is no object',
      `process.getBuiltinModule('fs').writeSync(1, '{"objects":[{"type":"person","score":2,"box":{}}]}\\n')`,
      'the object detector answers in another form',
    ],
    [
      'answers without end',
      `process.getBuiltinModule('fs').writeSync(1, 'x'.repeat(100000))`,
      'the object detector answers too much',
    ],
  ] as const)('that %s is killed', async ([, run, reason]) => {
    const { detector, examine } = await detectorOf(modelThat(run));
    expect(await reasonOf(examine())).toBe(`unavailable: ${reason}`);
    expect(detector.pid).toBeUndefined();
  });
});

test('what the model prints is no answer, and its error fails the picture alone', async () => {
  const { detector, examine } = await detectorOf(
    modelThat(`console.log('[W] x'); console.warn('y'); if (pictures === 2) throw new Error('no kernel')`),
  );
  expect((await examine()).objects).toEqual(FOUND);
  const { pid } = detector;
  expect(await reasonOf(examine())).toBe('unavailable: the model does not run: no kernel');
  expect((await examine()).objects).toEqual(FOUND);
  expect(detector.pid).toBe(pid);
});

test('classes that are no label are dropped', async () => {
  const { examine } = await detectorOf(modelThat(''), {}, systemClock, ['chair']);
  expect((await examine()).objects).toEqual([]);
});

test.for([
  [
    'of another layout',
    modelThat('', ';globalThis.output = () => ({ type: "float32", dims: [1, 6, 84], data: new Float32Array(504) })'),
    'its output [1, 6, 84] is none of YOLOv5, YOLOv8, YOLO11, YOLOX or NanoDet with an input of 64x64 and 1 labels',
  ],
  [
    'of another type',
    modelThat('', ';globalThis.output = () => ({ type: "int64", dims: [1], data: [1n] })'),
    'its output out is of the type int64, expected float32',
  ],
  [
    'with an input of bytes',
    '({ metadata: { type: "uint8", shape: [1, 3, 64, 64] } })',
    'its inputs are 1 of the type uint8, [1, 3, 64, 64], expected one of float32, [1, 3, height, width]',
  ],
  [
    'with colours last',
    '({ metadata: { type: "float32", shape: [1, 64, 64, 3] } })',
    'its inputs are 1 of the type float32, [1, 64, 64, 3]',
  ],
  [
    'of a large input',
    '({ metadata: { type: "float32", shape: [1, 3, 64, 4096] } })',
    'its input is 4096x64, the limits are 32 and 1280',
  ],
  ['that is no model', 'x x', 'Unexpected identifier'],
] as const)('a model %s is refused once and for all, with the reason', async ([, script, reason]) => {
  const { detector, examine, logged } = await detectorOf(script);
  const found = await reasonOf(examine());
  expect(found).toMatch(/^unsupported: the model \S+\.onnx is not used: /);
  expect(found).toContain(reason);
  expect(await reasonOf(examine())).toBe(found);
  expect(detector.pid).toBeUndefined();
  expect(logged).toHaveLength(1);
});

test('a model above 100 MB is refused; one that is not there may be there later', async () => {
  const large = await detectorOf('');
  await truncate(join(folder, `${models}.onnx`), (100 << 20) + 1);
  expect(await reasonOf(large.examine())).toContain('the model has 104857601 bytes, the limit is 104857600');
  const none = await detectorOf('');
  const file = join(folder, `${models}.onnx`);
  await rm(file);
  expect(await reasonOf(none.examine())).toMatch(/^unavailable: .*ENOENT/);
  await writeFile(file, modelThat(''));
  expect((await none.examine()).objects).toEqual(FOUND);
  const little = await detectorOf(modelThat('', ';throw new RangeError("Array buffer allocation failed")'));
  expect(await reasonOf(little.examine())).toMatch(/^unavailable: .*allocation failed/);
});

test('a model with an input of any size gets 640 pixels', async () => {
  const script = `({ metadata: { type: 'float32', shape: ['batch', 3, 'height', 'width'] }, run: ({ dims }) => ({ type: 'float32', dims: [1, 5, 8400], data: new Float32Array(42000) }) })`;
  const { detector, examine } = await detectorOf(script);
  expect((await examine()).objects).toEqual([]);
  expect(detector.inputSize).toBe(640);
});

test('the pause after failures doubles from one second to five minutes, and the first failure has none', () => {
  expect([1, 2, 3, 4, 10, 11, 50].map(pauseAfter)).toEqual([0, 1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
});

test('without file descriptors for a process Perch goes on, and the next picture starts one', async () => {
  const { examine } = await detectorOf(modelThat(''));
  failing.isOn = true;
  expect(await reasonOf(examine())).toBe('unavailable: the object detector does not start: spawn EMFILE');
  failing.isOn = false;
  expect((await examine()).objects).toEqual(FOUND);
});

test('a refusal is told to the owner of the detector', async () => {
  const { examine, refusals } = await detectorOf('x x');
  const found = await reasonOf(examine());
  expect(refusals.map((error) => `unsupported: ${explain(error)}`)).toEqual([found]);
});

test.runIf(process.platform === 'linux')('what the process does after an answer is charged, too', async () => {
  const clock = new FakeClock();
  const second = 'for (const { user } = process.cpuUsage(); process.cpuUsage().user - user < 1e6; ) {}';
  const model = modelThat('', `;globalThis.gc = () => { if (pictures > 0) { ${second} } }`);
  const { examine } = await detectorOf(model, {}, clock, ['person'], 0.02);
  await examine();
  await examine();
  const reason = reasonOf(examine());
  await clock.advance(10_000);
  expect(Number(/is spent: (\S+) s/.exec(await reason)?.[1])).toBeGreaterThan(1);
});
