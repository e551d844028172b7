import { createHash } from 'node:crypto';
import { type Calibration, median } from './figure.ts';

/** Duration of the loop below on the machine of the goals (x86, two cores, about 3 GHz), in ms. */
const NOMINAL_MS = 46;

/** A fixed piece of work of the kind that Perch does: parsing numbers out of bytes, copying, hashing. */
function work(): number {
  const source = new Uint8Array(1 << 20);
  for (let i = 0; i < source.length; i += 1) {
    source[i] = (i * 31) & 0xff;
  }
  const view = new DataView(source.buffer);
  const target = new Uint8Array(1 << 20);
  let sum = 0;
  for (let round = 0; round < 64; round += 1) {
    for (let at = 0; at + 12 <= source.length; at += 12) {
      sum = (sum + view.getUint16(at + 2) + view.getUint32(at + 4)) >>> 0;
    }
    target.set(source);
    sum = (sum + (createHash('sha256').update(target).digest()[0] ?? 0)) >>> 0;
  }
  return sum;
}

/** How much slower this machine is than the nominal one, now. */
export function calibrate(): Calibration {
  work();
  const times: number[] = [];
  const cpuTimes: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const startedMs = performance.now();
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    times.push(performance.now() - startedMs);
    cpuTimes.push((user + system) / 1000);
  }
  return { time: median(times) / NOMINAL_MS, cpuTime: median(cpuTimes) / NOMINAL_MS };
}
