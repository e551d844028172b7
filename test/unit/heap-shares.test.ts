import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type HeapShares, sharesOf } from '../support/base/heap-shares.ts';

/** Its functions exist from the beginning, and are compiled when they are called. */
const PROGRAM = `
const { parentPort } = require('node:worker_threads');
const body = (i) => '(all) => { let sum = ' + i + '; for (const { size } of all) { sum += size * ' + i + '; } return sum; }';
const functions = new Function('return [' + Array.from({ length: 1_000 }, (_, i) => body(i)).join() + ']')();
const { EventEmitter } = require('node:events');
const kept = [];
parentPort.on('message', (command) => {
  // Each once: V8 recompiles functions that are called repeatedly.
  for (let i = 0; command === 'call' && i < 1_000; i += 1) {
    functions[i]([{ size: i }]);
  }
  for (let i = 0; command === 'keep' && i < 10_000; i += 1) {
    kept.push({ at: i, since: i + 0.5 });
  }
  for (let i = 0; command === 'listen' && i < 100; i += 1) {
    const [emitter, aborting] = [new EventEmitter(), new AbortController()];
    kept.push(emitter, aborting);
    emitter.on('one', () => {});
    emitter.once('some', () => {}).on('some', () => {});
    aborting.signal.addEventListener('abort', () => {});
    aborting.signal.addEventListener('abort', () => {});
  }
  for (const each of command === 'leave' ? kept : []) {
    each instanceof EventEmitter && each.removeAllListeners('some');
  }
  parentPort.postMessage('done');
});
parentPort.postMessage('ready');
`;

async function after(worker: Worker, command: 'keep' | 'call' | 'listen' | 'leave'): Promise<HeapShares> {
  worker.postMessage(command);
  await once(worker, 'message');
  return shares(worker);
}

const shares = async (worker: Worker): Promise<HeapShares> => sharesOf(await text(await worker.getHeapSnapshot()));

test("retained memory is distinguished from V8's own", async () => {
  const worker = new Worker(PROGRAM, { eval: true });
  try {
    await once(worker, 'message');
    const first = await shares(worker);
    const called = await after(worker, 'call');
    const kept = await after(worker, 'keep');
    expect(called.compiledBytes - first.compiledBytes).toBeGreaterThan(400_000);
    expect(called.objectBytes - first.objectBytes).toBeLessThan(100_000);
    expect(kept.objectBytes - called.objectBytes).toBeGreaterThan(300_000);
    expect(kept.compiledBytes - called.compiledBytes).toBeLessThan(100_000);
  } finally {
    await worker.terminate();
  }
});

test('listeners of emitters and of event targets are counted', async () => {
  const worker = new Worker(PROGRAM, { eval: true });
  try {
    await once(worker, 'message');
    const { listeners: first } = await shares(worker);
    const { listeners: come } = await after(worker, 'listen');
    const { listeners: left } = await after(worker, 'leave');
    expect(first).toBeGreaterThan(0);
    expect(come - first).toBe(500);
    expect(left - first).toBe(300);
  } finally {
    await worker.terminate();
  }
});
