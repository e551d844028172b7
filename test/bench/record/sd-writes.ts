import { closeSync, fstatSync, globSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, until } from '../../peers/agent/agent.ts';
import { CAMERAS, recordingHasBegun, seconds, startCameras, startRecording } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { mountLoopDisk } from './loop-disk.ts';

const MEASURED_SECONDS = 60;
/** The default of `recordSegmentDuration`. */
const FILE_SECONDS = 3_600;
/** A minute of eight cameras, with setup and teardown. */
const DISK_MEGABYTES = 700;
const POLL_MS = 50;
/** Flushes with less than this between them are one round. */
const QUIET_MS = 500;

interface Run {
  readonly roundsPerSecond: number;
  /** Bytes that went to the disk ÷ bytes of samples. */
  readonly writtenPerMedia: number;
}

/** Both figures come from one run. */
let run: Promise<Run> | undefined;

async function oneRun(note: (text: string) => void): Promise<Run> {
  await using disk = await mountLoopDisk(DISK_MEGABYTES);
  await using cameras = await startCameras(MEASURED_SECONDS + 60);
  await using agent = await startRecording(cameras, disk.folder);
  if (!disk.isOwn) {
    note(`nothing can be mounted here: measured in ${disk.folder}, whose disk others use, too`);
  }
  await recordingHasBegun(agent);
  await seconds(5);
  const { rounds, flushes } = await countRounds(disk.flushes);
  const [writtenBytes, mediaBytes] = [writtenBytesOf(agent), mediaBytesOf(agent)];
  await stopRecording(agent);
  // The end of a file dirties its first page for the duration, which the kernel counts with all that it keeps together with it.
  const endBytes = writtenBytesOf(agent) - writtenBytes - (mediaBytesOf(agent) - mediaBytes);
  const perRound = (flushes / rounds).toFixed(1);
  note(`${rounds} rounds of ${perRound} flushes in ${MEASURED_SECONDS} s`);
  note(`${writtenBytes} bytes for ${mediaBytes} of media, and ${endBytes} for the ends of ${CAMERAS} files`);
  const endShareBytes = (endBytes * MEASURED_SECONDS) / FILE_SECONDS;
  return { roundsPerSecond: rounds / MEASURED_SECONDS, writtenPerMedia: (writtenBytes + endShareBytes) / mediaBytes };
}

async function stopRecording(agent: Agent): Promise<void> {
  const config = join(agent.dataDir, 'test.yml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('record: yes', 'record: no'));
  await until(async () => {
    const { items } = await agent.json<{ items: { recording: { active: boolean } | null }[] }>('/v3/paths/list');
    return items.some(({ recording }) => recording?.active) ? undefined : true;
  });
  // The files are being finished; the index of them goes with the last round.
  await seconds(10);
}

/** As the disk sees them, those of the file system included. */
async function countRounds(flushesNow: () => number): Promise<{ rounds: number; flushes: number }> {
  const first = flushesNow();
  let [rounds, seen, lastMs] = [0, first, Number.NEGATIVE_INFINITY];
  const endMs = performance.now() + MEASURED_SECONDS * 1000;
  for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
    const flushes = flushesNow();
    if (flushes > seen) {
      rounds += nowMs - lastMs > QUIET_MS ? 1 : 0;
      [seen, lastMs] = [flushes, nowMs];
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { rounds, flushes: seen - first };
}

/** Bytes that the process has dirtied, in whole pages: Linux, Documentation/filesystems/proc.rst. */
function writtenBytesOf(agent: Agent): number {
  const text = readFileSync(`/proc/${agent.process.pid}/io`, 'utf8');
  return Number(/^write_bytes: (\d+)/m.exec(text)?.[1]);
}

const mediaBytesOf = (agent: Agent): number =>
  globSync(join(agent.dataDir, 'recordings/**/*.mp4')).reduce((sum, file) => sum + mediaBytesIn(file), 0);

/** The bodies of all `mdat`: nothing but samples is in them. */
function mediaBytesIn(file: string): number {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const head = Buffer.alloc(8);
    let mediaBytes = 0;
    for (let at = 0; at + 8 <= size; ) {
      readSync(fd, head, 0, 8, at);
      const boxBytes = head.readUInt32BE(0);
      if (boxBytes < 8) {
        throw new Error(`${file} has a box of ${boxBytes} bytes at ${at}`);
      }
      mediaBytes += head.toString('latin1', 4) === 'mdat' ? boxBytes - 8 : 0;
      at += boxBytes;
    }
    return mediaBytes;
  } finally {
    closeSync(fd);
  }
}

function both(note: (text: string) => void): Promise<Run> {
  run ??= oneRun(note);
  return run;
}

export const sdWrites: Figure = {
  name: 'sd-writes',
  unit: '× media',
  goal: 1.02,
  isAbsolute: false,
  about: 'bytes written to an ext4 disk while Perch records 8 cameras with one file an hour ÷ bytes of their media',
  measure: async (note) => [(await both(note)).writtenPerMedia],
};

export const sdFlushes: Figure = {
  name: 'sd-flushes',
  unit: '/ s',
  goal: 0.25,
  isAbsolute: false,
  about: 'rounds of cache flushes of the same disk, including those of its file system',
  measure: async (note) => [(await both(note)).roundsPerSecond],
};
