import { parentPort, workerData } from 'node:worker_threads';
import { argon2i, argon2id } from '@noble/hashes/argon2.js';
import type { Argon2Parameters } from './argon2.ts';

const { text, parameters } = workerData as { readonly text: string; readonly parameters: Argon2Parameters };
const { algorithm, memoryKib, passes, lanes, salt, hash } = parameters;
const derive = algorithm === 'argon2id' ? argon2id : argon2i;
parentPort?.postMessage(derive(text, salt, { m: memoryKib, t: passes, p: lanes, dkLen: hash.length }));
