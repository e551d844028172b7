import { join } from 'node:path';
import { cameraClip, clip } from '../../peers/cameras/camera.ts';
import { runProcess } from '../../peers/programs/process.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 5;
const SCRIPT = join(import.meta.dirname, 'ingest-run.ts');
/** Without garbage collection during the measurement, so that allocations can be counted. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];

let runs: Promise<{ nanoseconds: number; bytes: number }[]> | undefined;

async function measureAll(note: (text: string) => void) {
  const file = await clip('camera-10.h264', ['-i', await cameraClip(10), '-c', 'copy', '-bsf', 'h264_mp4toannexb']);
  const results: { nanoseconds: number; bytes: number }[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const { code, output } = await runProcess(process.execPath, [...FLAGS, SCRIPT, file]);
    if (code !== 0) {
      throw new Error(output);
    }
    const result = JSON.parse(output) as { nanoseconds: number; bytes: number };
    note(`${result.nanoseconds.toFixed(0)} ns, ${result.bytes.toFixed(0)} bytes for each packet`);
    results.push(result);
  }
  return results;
}

export const ingestPacket: Figure = {
  name: 'ingest-packet',
  unit: 'µs',
  goal: 2,
  isAbsolute: true,
  about: "time per RTP packet of a 1080p H.264 camera, from the socket's chunk to the sample in its stream",
  measure: async (note) => {
    runs ??= measureAll(note);
    return (await runs).map(({ nanoseconds }) => nanoseconds / 1000);
  },
};

export const ingestPacketBytes: Figure = {
  name: 'ingest-packet-bytes',
  unit: 'bytes',
  goal: 200,
  isAbsolute: false,
  about: 'memory allocated per packet, including the slabs of samples',
  measure: async (note) => {
    runs ??= measureAll(note);
    return (await runs).map(({ bytes }) => bytes);
  },
};
