import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { systemClock } from '../../../agent/base/clock.ts';
import { hostFacts } from '../../../system/host.ts';
import { HostWatch } from '../../../system/host-health.ts';
import { machineSensors } from '../../../system/sensors.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 5;
/** Polling interval of the System page. */
const LOOK_S = 5;
/** Ten minutes: each drive is queried once, and each helper program runs as often as in use. */
const LOOKS = 120;
const TICKS_PER_SECOND = 100;

/** CPU time of this process and of the programs that it has run, in seconds. */
function spentS(): number {
  const { user, system } = process.cpuUsage();
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // proc(5): cutime and cstime, counted from the field behind the command's name.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (user + system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** Ten minutes of samples without the pauses. */
async function oneVisit(): Promise<number> {
  let nowMs = 0;
  const clock = { ...systemClock, monoMs: () => nowMs };
  const watch = new HostWatch(clock, machineSensors());
  const beforeS = spentS();
  for (let look = 0; look < LOOKS; look += 1) {
    await Promise.all([hostFacts([tmpdir()]), watch.read()]);
    nowMs += LOOK_S * 1_000;
  }
  return ((spentS() - beforeS) / (LOOKS * LOOK_S)) * 100;
}

export const healthSampling: Figure = {
  name: 'health-sampling',
  unit: '% of a core',
  goal: 0.3,
  isAbsolute: true,
  isCpuTime: true,
  about: 'CPU time of reading the state of the machine, while the System page is open (otherwise it is not read)',
  measure: async () => {
    // Modules that the first sample loads do not count.
    await oneVisit();
    const values: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      values.push(await oneVisit());
    }
    return values;
  },
};
