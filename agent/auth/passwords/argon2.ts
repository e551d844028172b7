import * as crypto from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { PerchError } from '../../base/errors.ts';

/** Inputs of RFC 9106 §3.1, and the hash to compare with. */
export interface Argon2Parameters {
  readonly algorithm: 'argon2id' | 'argon2i';
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Maximum memory of one check: a quarter of a small board's. RFC 9106 §4 recommends 64 MiB where memory is scarce. */
const MAX_MEMORY_KIB = 256 << 10;
/** Maximum memory that one check may write over all passes: one to two seconds of a core. */
const MAX_WORK_KIB = 1 << 20;
const MAX_LANES = 16;
const SALT_BYTES = { least: 8, most: 64 } as const;
const HASH_BYTES = { least: 4, most: 64 } as const;
const VERSION = 19;

const FORMAT = /^\$(argon2id|argon2i|argon2d)\$v=(\d{1,9})\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([^$]*)\$([^$]*)$/;

/** `$argon2id$v=19$m=65536,t=3,p=4$salt$hash`, both in base64 without padding, as written by `argon2 -e`. */
export function parseArgon2(text: string): Argon2Parameters {
  const [, algorithm, version, memory, passesText, lanesText, salt = '', hash = ''] =
    text.length > 300 ? [] : (FORMAT.exec(text) ?? []);
  if (algorithm === undefined) {
    throw new PerchError('badInput', 'not an argon2 hash: write $argon2id$v=19$m=65536,t=3,p=4$salt$hash');
  }
  if (algorithm === 'argon2d') {
    throw new PerchError('badInput', 'argon2d is not for passwords: make the hash with argon2id');
  }
  if (Number(version) !== VERSION) {
    throw new PerchError('badInput', `argon2 version ${version}, expected ${VERSION}`);
  }
  const parameters: Argon2Parameters = {
    algorithm: algorithm === 'argon2id' ? 'argon2id' : 'argon2i',
    memoryKib: Number(memory),
    passes: Number(passesText),
    lanes: Number(lanesText),
    salt: bytesOf(salt, 'salt', SALT_BYTES),
    hash: bytesOf(hash, 'hash', HASH_BYTES),
  };
  checkCost(parameters);
  return parameters;
}

function checkCost({ memoryKib, passes, lanes }: Argon2Parameters): void {
  if (lanes < 1 || lanes > MAX_LANES) {
    throw new PerchError('badInput', `argon2 with ${lanes} lanes (p), the limit is 1 to ${MAX_LANES}`);
  }
  // RFC 9106 §3.1: at least 8 KiB for each lane.
  if (memoryKib < 8 * lanes || memoryKib > MAX_MEMORY_KIB) {
    const range = `${8 * lanes} to ${MAX_MEMORY_KIB}`;
    throw new PerchError('badInput', `argon2 with ${memoryKib} KiB of memory (m), the limit is ${range}`);
  }
  if (passes < 1 || passes * memoryKib > MAX_WORK_KIB) {
    const most = Math.floor(MAX_WORK_KIB / memoryKib);
    throw new PerchError('badInput', `argon2 with ${passes} passes (t), the limit at this memory is 1 to ${most}`);
  }
}

function bytesOf(text: string, name: string, { least, most }: { least: number; most: number }): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || bytes.length < least || bytes.length > most) {
    throw new PerchError(
      'badInput',
      `argon2 ${name} of ${bytes.length} bytes, the limit is ${least} to ${most} in base64`,
    );
  }
  return bytes;
}

/** Whether the text matches. Runs off the event loop, because it takes up to some seconds. */
export async function verifyArgon2(text: string, parameters: Argon2Parameters): Promise<boolean> {
  // Node has argon2 from 24.7 on.
  const derive = typeof crypto.argon2 === 'function' ? deriveInPool : deriveInWorker;
  const derived = await derive(text, parameters);
  return crypto.timingSafeEqual(derived, parameters.hash);
}

function deriveInPool(text: string, { algorithm, ...parameters }: Argon2Parameters): Promise<Uint8Array> {
  const { memoryKib: memory, passes, lanes: parallelism, salt: nonce, hash } = parameters;
  const wanted = { message: text, nonce, parallelism, tagLength: hash.length, memory, passes };
  return new Promise((resolve, reject) => {
    crypto.argon2(algorithm, wanted, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

const WORKER_MODULE = new URL('./argon2-worker.ts', import.meta.url);

/** Computes the hash in JavaScript, in a worker thread. */
export function deriveInWorker(text: string, parameters: Argon2Parameters): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER_MODULE, { name: 'argon2', workerData: { text, parameters } });
    worker.once('message', (hash: Uint8Array) => {
      resolve(hash);
      void worker.terminate();
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new PerchError('unavailable', `the argon2 thread ended with code ${code}`)));
  });
}
