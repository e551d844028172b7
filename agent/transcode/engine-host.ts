import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import { explain } from '../base/errors.ts';
import type { FromWorker, ToWorker } from './messages.ts';

export interface EngineEvents {
  onMessage(message: FromWorker): void;
  /** It has ended by itself; nothing more will come. */
  onDied(reason: string): void;
}

/** Where the engine runs. */
export interface EngineHost {
  /** Memory of batches is handed over. */
  post(message: ToWorker): void;
  /** Nothing is told any more. */
  end(): void;
}

export type StartEngine = (events: EngineEvents) => EngineHost;

/** A thread is twenty megabytes: machines with less than this have no room for it. */
const MIN_MEMORY_BYTES = 256 << 20;
/** The one place that knows where the worker's module lies. */
const WORKER_MODULE = new URL('./worker.ts', import.meta.url);
/** It keeps next to nothing: a leak is to end it, not the machine. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** Where this machine has room for it. */
export function startEngine(events: EngineEvents): EngineHost {
  // 0: nothing but the machine itself limits us.
  const memoryBytes = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  return memoryBytes < MIN_MEMORY_BYTES ? startInLoop(events) : startWorker(events);
}

/** In a thread of its own. */
export function startWorker(events: EngineEvents): EngineHost {
  const worker = new Worker(WORKER_MODULE, { name: 'transcode', resourceLimits: LIMITS });
  let isOver = false;
  const die = (reason: string): void => {
    if (!isOver) {
      isOver = true;
      events.onDied(reason);
    }
  };
  worker.unref();
  worker.on('message', (message: FromWorker) => {
    if (!isOver) {
      events.onMessage(message);
    }
  });
  worker.on('error', (error) => die(explain(error)));
  worker.on('exit', (code) => die(`it ended with code ${code}`));
  return {
    post: (message) => worker.postMessage(message, message instanceof ArrayBuffer ? [message] : []),
    end: () => {
      isOver = true;
      void worker.terminate();
    },
  };
}

/** Between other work of the main loop, where there is not enough memory for a thread. */
export function startInLoop(events: EngineEvents): EngineHost {
  let isOver = false;
  /** What has come before the codec was loaded. */
  let waiting: ToWorker[] | undefined = [];
  let take = (message: ToWorker): unknown => waiting?.push(message);
  const answer = (message: FromWorker): void => {
    if (!isOver) {
      events.onMessage(message);
    }
  };
  const load = async (): Promise<void> => {
    // Not before it is needed: it is some megabytes.
    const [{ loadLibopus }, { Engine }] = await Promise.all([import('libopus-wasm'), import('./engine.ts')]);
    await loadLibopus();
    const engine = new Engine(answer);
    take = (message) => setImmediate(() => isOver || engine.receive(message));
    waiting?.forEach(take);
    waiting = undefined;
  };
  load().catch((cause: unknown) => {
    if (!isOver) {
      isOver = true;
      events.onDied(explain(cause));
    }
  });
  return {
    post: (message) => take(message),
    end: () => {
      isOver = true;
    },
  };
}
