import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../../../agent/base/clock.ts';
import type { RgbPicture } from '../../../../agent/features/objects/detector/contract.ts';
import { ProcessDetector } from '../../../../agent/features/objects/detector/process/process-detector.ts';
import type { Figure } from '../../../bench/measure/figure.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { OBJECT_MODEL } from '../support/object-model.ts';
import { stillOf } from '../support/still.ts';

const RUNS = 3;
const PICTURES = 8;
/** V8 compiles the runtime while it runs. */
const WARM_UP = 6;
const LIMITS = { maxBytes: 400e6, startMs: 60_000, pictureMs: 60_000 };

/** The model alone in a process like the detector's. @returns milliseconds of processor time of a run */
const BARE = `
const { readFileSync } = require('node:fs');
const [runtime, model] = process.argv.slice(1);
const ort = require(runtime + '/ort.wasm.bundle.min.mjs');
ort.env.wasm.wasmBinary = readFileSync(runtime + '/ort-wasm-simd-threaded.wasm');
ort.env.wasm.numThreads = 1;
ort.InferenceSession.create(readFileSync(model)).then(async (session) => {
  const input = new ort.Tensor('float32', new Float32Array(3 * 416 * 416), [1, 3, 416, 416]);
  let before;
  for (let i = 0; i < ${WARM_UP + PICTURES}; i += 1) {
    before ??= i < ${WARM_UP} ? undefined : process.cpuUsage();
    await session.run({ [session.inputNames[0]]: input });
  }
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000 / ${PICTURES});
});`;

function detectorWith(clock: typeof systemClock): ProcessDetector {
  return new ProcessDetector({ ...OBJECT_MODEL, clock, log: { warn: () => {} }, share: 1, limits: LIMITS });
}

/** One after the other. @returns milliseconds of each */
async function examine(detector: ProcessDetector, picture: RgbPicture, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const task = { path: 'front', eventUs: i, picture: async () => picture };
    const { objects, ms } = await detector.examine(task);
    if (objects[0]?.type !== 'person') {
      throw new Error('the person in the picture was not found');
    }
    times.push(ms);
  }
  return times;
}

async function pictureMs(): Promise<number> {
  const detector = detectorWith(systemClock);
  try {
    const picture = stillOf('astronaut', 416, 416);
    await examine(detector, picture, WARM_UP);
    const times = await examine(detector, picture, PICTURES);
    return times.reduce((sum, ms) => sum + ms, 0) / PICTURES;
  } finally {
    await detector.close();
  }
}

async function times(what: 'ms' | 'ratio', note: (text: string) => void): Promise<number[]> {
  const results: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const ours = await pictureMs();
    const args = ['-e', BARE, OBJECT_MODEL.runtime, OBJECT_MODEL.model];
    const bare = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    note(`${ours.toFixed(0)} ms, the model alone ${bare.toFixed(0)} ms`);
    results.push(what === 'ms' ? ours : ours / bare);
  }
  return results;
}

/** Resident memory of a process in MB; 0: there is none. */
function residentMb(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
}

async function memory(note: (text: string) => void): Promise<number[]> {
  const results: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const clock = new FakeClock();
    const detector = detectorWith(clock);
    await examine(detector, stillOf('astronaut', 416, 416), WARM_UP + PICTURES);
    const { pid, memoryBytes = 0 } = detector;
    const peak = residentMb(pid);
    await clock.advance(60_000);
    for (const untilMs = Date.now() + 5_000; residentMb(pid) > 0 && Date.now() < untilMs; ) {
      await systemClock.sleep(20, AbortSignal.timeout(5_000));
    }
    const idle = residentMb(pid);
    note(
      `${(memoryBytes / 1e6).toFixed(0)} MB with pictures, ${peak.toFixed(0)} MB at most, a minute later ${idle} MB`,
    );
    await detector.close();
    if (idle > 0) {
      throw new Error(`a minute after the last picture its process takes ${idle} MB`);
    }
    results.push(memoryBytes / 1e6);
  }
  return results;
}

export const objectsMs: Figure = {
  name: 'objects-ms',
  unit: 'ms',
  goal: 260,
  isAbsolute: true,
  isCpuTime: true,
  about: 'CPU time to look for objects in a picture of 416x416',
  measure: (note) => times('ms', note),
};

export const objectsOverhead: Figure = {
  name: 'objects-overhead',
  unit: '× the model',
  goal: 1.3,
  isAbsolute: false,
  about: 'the same ÷ CPU time of the model alone in onnxruntime-web',
  measure: (note) => times('ratio', note),
};

export const objectsMemory: Figure = {
  name: 'objects-memory',
  unit: 'MB',
  goal: 260,
  isAbsolute: false,
  about: 'memory of the process that looks for objects, while it does; a minute later it takes none',
  measure: memory,
};
