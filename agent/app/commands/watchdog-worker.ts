import { workerData } from 'node:worker_threads';
import { Cell, type WatchdogWork } from './watchdog-cells.ts';

/** Parts of the limit, each of which has to pass without a beat: the process may stand still in between. */
const ROUNDS = 6;

const { shared, limitMs } = workerData as WatchdogWork;
const cells = new Int32Array(shared);
const roundMs = limitMs / ROUNDS;
let beats = 0;
let silentRounds = 0;
while (silentRounds < ROUNDS) {
  const beganMs = performance.now();
  // No other thread changes or notifies this cell: the wait lasts a round.
  Atomics.wait(cells, Cell.unused, 0, roundMs);
  // SIGSTOP, a frozen control group or a paused virtual machine stopped this thread, too. A debugger stops the main thread only.
  const stoodStill = performance.now() - beganMs > 2 * roundMs || Atomics.load(cells, Cell.debugged) === 1;
  const nowBeats = Atomics.load(cells, Cell.beats);
  silentRounds = stoodStill || nowBeats !== beats ? 0 : silentRounds + 1;
  beats = nowBeats;
}
process.kill(process.pid, 'SIGKILL');
