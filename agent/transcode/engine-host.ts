import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import { explain } from '../base/errors.ts';
import type { FromWorker, ToWorker } from './contracts.ts';

export interface EngineEvents {
  onMessage(message: FromWorker): void;
  /** The engine ended by itself and sends nothing more. */
  onExit(reason: string): void;
}

export interface EngineHost {
  /** Transfers the memory of batches. */
  post(message: ToWorker): void;
  /** No event follows. */
  end(): void;
}

export type StartEngine = (events: EngineEvents) => EngineHost;

const WORKER_MODULE = new URL('./worker.ts', import.meta.url);
/** The worker keeps little state: a leak ends the worker, not the box. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** Starts a worker thread if the box has enough memory for it. */
export function startEngine(events: EngineEvents): EngineHost {
  // 0 means no limit other than the box's memory.
  const memoryBytes = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  // A thread takes 20 MB.
  return memoryBytes < 256 << 20 ? startInLoop(events) : startWorker(events);
}

export function startWorker(events: EngineEvents): EngineHost {
  const worker = new Worker(WORKER_MODULE, { name: 'transcode', resourceLimits: LIMITS });
  let isOver = false;
  const exit = (reason: string): void => {
    if (!isOver) {
      isOver = true;
      events.onExit(reason);
    }
  };
  worker.unref();
  worker.on('message', (message: FromWorker) => {
    if (!isOver) {
      events.onMessage(message);
    }
  });
  worker.on('error', (error) => exit(explain(error)));
  worker.on('exit', (code) => exit(`exited with code ${code}`));
  return {
    post: (message) => worker.postMessage(message, message instanceof ArrayBuffer ? [message] : []),
    end: () => {
      isOver = true;
      void worker.terminate();
    },
  };
}

/** Runs in the main loop, for boxes without enough memory for a thread. */
export function startInLoop(events: EngineEvents): EngineHost {
  let isOver = false;
  /** Messages received before the codec is loaded. */
  let waiting: ToWorker[] | undefined = [];
  let take = (message: ToWorker): unknown => waiting?.push(message);
  const respond = (message: FromWorker): void => {
    if (!isOver) {
      events.onMessage(message);
    }
  };
  const load = async (): Promise<void> => {
    // Loaded on first use: the codec takes several megabytes.
    const [{ loadLibopus }, { Engine }] = await Promise.all([import('libopus-wasm'), import('./engine.ts')]);
    await loadLibopus();
    const engine = new Engine(respond);
    take = (message) => setImmediate(() => isOver || engine.receive(message));
    waiting?.forEach(take);
    waiting = undefined;
  };
  load().catch((cause: unknown) => {
    if (!isOver) {
      isOver = true;
      events.onExit(explain(cause));
    }
  });
  return {
    post: (message) => take(message),
    end: () => {
      isOver = true;
    },
  };
}
