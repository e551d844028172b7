import { Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import { Cell, type WatchdogWork } from './watchdog-cells.ts';

/** As `WatchdogSec=` of the systemd unit. */
const MAX_SILENCE_MS = 30_000;

const WORKER_MODULE = new URL('./watchdog-worker.ts', import.meta.url);

/**
 * Starts a thread that kills the process with SIGKILL when the main thread has not answered for 30 s, for systems without a service manager
 * that does so; the supervisor then restarts Perch. Its isolate takes 6 MB.
 * @param env `PERCH_WATCHDOG_MS` is another limit, for tests
 */
export function startWatchdog(clock: Pick<Clock, 'eachSecond'>, env: NodeJS.ProcessEnv): void {
  const cells = new Int32Array(new SharedArrayBuffer(Object.keys(Cell).length * Int32Array.BYTES_PER_ELEMENT));
  const inspector = process.features.inspector ? process.getBuiltinModule('node:inspector') : undefined;
  clock.eachSecond(() => {
    Atomics.store(cells, Cell.debugged, inspector?.url() === undefined ? 0 : 1);
    Atomics.add(cells, Cell.beats, 1);
  });
  const work: WatchdogWork = { shared: cells.buffer, limitMs: Number(env['PERCH_WATCHDOG_MS']) || MAX_SILENCE_MS };
  // Limits of its heap would end the whole process: V8 cannot load its snapshot into 2 MB.
  const worker = new Worker(WORKER_MODULE, { name: 'watchdog', workerData: work, env: {}, execArgv: [] });
  worker.unref();
}
