import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Figure, median } from '../measure/figure.ts';
import { startScript } from '../measure/script.ts';
import { type HourRecording, recordHour } from './hour-recording.ts';

const ROUNDS = 5;
const FIRST_BYTES = 9;
const HOUR = 'start=2026-07-01T12:00:00Z&duration=3600';

interface Measured {
  readonly fmp4: number[];
  readonly mp4: number[];
  readonly firstByteMs: number[];
  readonly bytesPerSample: number;
}

/** All figures come from one recording: an hour has nearly two gigabytes. */
let run: Promise<Measured> | undefined;

function measured(note: (text: string) => void): Promise<Measured> {
  run ??= measureAll(note);
  return run;
}

async function measureAll(note: (text: string) => void): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-get-'));
  try {
    const hour = await recordHour(folder);
    note(`recorded ${(hour.sizeBytes / 1e6).toFixed(0)} MB with ${hour.samples} samples`);
    const server = startScript(join(import.meta.dirname, 'get-server.ts'), [folder]);
    try {
      const port = Number((await server.waitFor(/ready (\d+)/))[1]);
      return await measureAt(port, hour, note);
    } finally {
      await server.stop('SIGKILL');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureAt(port: number, hour: HourRecording, note: (text: string) => void): Promise<Measured> {
  const bytesPerSample = await measureMemory(port, hour);
  const name = hour.file.slice(hour.file.indexOf('/cam/'));
  await fetchAway(port, `/static${name}`);
  const rates: Record<'fmp4' | 'mp4', number[]> = { fmp4: [], mp4: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const reference = await fetchAway(port, `/static${name}`);
    for (const format of ['fmp4', 'mp4'] as const) {
      const answer = await fetchAway(port, `/get?path=cam&${HOUR}&format=${format}`);
      rates[format].push(answer.bytesPerMs / reference.bytesPerMs);
      note(
        `${format} ${(answer.bytesPerMs / 1e3).toFixed(0)} MB/s, file ${(reference.bytesPerMs / 1e3).toFixed(0)} MB/s`,
      );
    }
  }
  const firstByteMs: number[] = [];
  for (let i = 0; i < FIRST_BYTES; i += 1) {
    await fetchAway(port, '/forget');
    // Another answer each time: none may have been kept.
    const start = `start=2026-07-01T12:00:0${i}.5Z&duration=3600&format=${i % 2 === 0 ? 'mp4' : 'fmp4'}`;
    firstByteMs.push((await fetchAway(port, `/get?path=cam&${start}`, 1)).firstByteMs);
  }
  note(`first bytes after ${firstByteMs.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  return { ...rates, firstByteMs, bytesPerSample };
}

/** Bytes in memory per sample of an hour of MP4 being played: its tables and those of the recording. */
async function measureMemory(port: number, hour: HourRecording): Promise<number> {
  const used = async () => Number(await (await fetch(`http://127.0.0.1:${port}/memory`)).text());
  // Loads and compiles the code first.
  await fetchAway(port, `/get?path=cam&start=2026-07-01T12:00:01Z&duration=5&format=mp4`);
  await fetchAway(port, '/forget');
  const before = await used();
  await fetchAway(port, `/get?path=cam&${HOUR}&format=mp4`, 1);
  return ((await used()) - before) / hour.samples;
}

interface Fetched {
  readonly firstByteMs: number;
  readonly bytesPerMs: number;
}

/** Requests and discards an answer as cheaply as possible, with one buffer for all chunks. @param enoughBytes disconnects after this many */
function fetchAway(port: number, path: string, enoughBytes = Number.POSITIVE_INFINITY): Promise<Fetched> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let firstByteMs = 0;
    const end = () => resolve({ firstByteMs, bytesPerMs: bytes / (performance.now() - startedMs) });
    const onread = {
      buffer: new Uint8Array(256 << 10),
      callback: (count: number, buffer: Uint8Array) => {
        if (bytes === 0) {
          firstByteMs = performance.now() - startedMs;
          const status = Buffer.from(buffer.subarray(0, 12)).toString();
          if (status !== 'HTTP/1.1 200') {
            reject(new Error(`${path}: ${Buffer.from(buffer.subarray(0, count)).toString()}`));
          }
        }
        bytes += count;
        if (bytes >= enoughBytes) {
          socket.destroy();
        }
        return true;
      },
    };
    const socket = connect({ port, host: '127.0.0.1', onread });
    socket.on('error', reject).on('close', end);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: perch\r\nConnection: close\r\n\r\n`);
  });
}

const ratio = (format: 'fmp4' | 'mp4'): Figure => ({
  name: format === 'fmp4' ? 'get-throughput' : `get-throughput-${format}`,
  unit: '×',
  goal: 0.6,
  isAtLeast: true,
  isAbsolute: false,
  about: `/get of 1 h of 4 Mbit/s, format=${format}, ÷ @fastify/static sending the recorded file from the same process`,
  measure: async (note) => (await measured(note))[format],
});

export const getFmp4 = ratio('fmp4');
export const getMp4 = ratio('mp4');

export const getFirstByte: Figure = {
  name: 'get-first-byte',
  unit: 'ms',
  goal: 30,
  isAbsolute: true,
  about: 'time to the first byte of /get of 1 h, both formats, with empty caches',
  measure: async (note) => [median((await measured(note)).firstByteMs)],
};

export const getMemory: Figure = {
  name: 'get-memory',
  unit: 'B/sample',
  goal: 16,
  isAbsolute: false,
  about: 'memory per sample of an hour with format=mp4 while it is played',
  measure: async (note) => [(await measured(note)).bytesPerSample],
};
