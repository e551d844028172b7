import { execFileSync } from 'node:child_process';
import { createEncoder } from 'libopus-wasm';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { writeAacConfig } from '../../../agent/media/aac/params.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import { containerStream } from '../../../agent/stream/container-stream.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { startWorker } from '../../../agent/transcode/engine-host.ts';
import { Transcoder } from '../../../agent/transcode/transcoder.ts';
import { adtsFrames } from '../../support/media/adts.ts';

/** usage: audio-transcode-run.ts KIND SECONDS. Turns the sound of some streams in their own time and prints what each takes of a core. */
const [, , kind = '', seconds = '10'] = process.argv;
const WARM_UP_MS = 3_000;
const STEP_MS = 4;

interface Sound {
  readonly streams: number;
  readonly track: Track;
  readonly frames: readonly Uint8Array[];
  readonly frameTicks: number;
}

/** Speech next to a machine. */
const speech = (rateHz: number, channels: number, coding: readonly string[]): Buffer =>
  execFileSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-f', 'lavfi', '-i', `anoisesrc=r=${rateHz}:a=0.05:c=pink:d=10`],
      ...['-f', 'lavfi', '-i', `aevalsrc=0.3*sin(2*PI*180*t)*sin(2*PI*3*t)+0.1*sin(2*PI*1100*t):s=${rateHz}:d=10`],
      ...['-filter_complex', '[0][1]amix', '-ac', String(channels), '-ar', String(rateHz), ...coding, '-'],
    ],
    { maxBuffer: 1 << 26 },
  );

const pieces = (data: Buffer, bytes: number): Buffer[] =>
  Array.from({ length: Math.floor(data.length / bytes) }, (_, i) => data.subarray(i * bytes, (i + 1) * bytes));

async function opusPackets(): Promise<Uint8Array[]> {
  const pcm = speech(48_000, 2, ['-f', 's16le']);
  const encoder = await createEncoder({ bitrate: 64_000 });
  return pieces(pcm, 960 * 4).map((block) => encoder.encode(new Int16Array(Uint8Array.from(block).buffer)));
}

const SOUNDS: Record<string, () => Promise<Sound>> = {
  g711: async () => ({
    streams: 32,
    track: { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 },
    frames: pieces(speech(8_000, 1, ['-f', 'alaw']), 160),
    frameTicks: 160,
  }),
  aac: async () => ({
    streams: 8,
    track: {
      ...{ kind: 'audio', codec: 'aac', clockRate: 48_000, channels: 2, frameSamples: 1024 },
      config: writeAacConfig(48_000, 2) ?? new Uint8Array(),
    },
    frames: [...adtsFrames(speech(48_000, 2, ['-c:a', 'aac', '-b:a', '128k', '-f', 'adts']))],
    frameTicks: 1024,
  }),
  opus: async () => ({
    streams: 8,
    track: { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 },
    frames: await opusPackets(),
    frameTicks: 960,
  }),
};

const sound = await SOUNDS[kind]?.();
if (!sound) {
  throw new Error(`no sound is called '${kind}'`);
}
const { track, frames, frameTicks } = sound;
const transcoder = new Transcoder(startWorker, systemClock, silentLogger);
const streams = Array.from({ length: sound.streams }, () => new Stream([track]));
let made = 0;
for (const stream of streams) {
  const derived =
    kind === 'g711'
      ? containerStream(stream)
      : kind === 'aac'
        ? transcoder.opus.of(stream, 0, 20)
        : transcoder.of(stream, 'flac');
  const onSample = (): void => {
    made += 1;
  };
  derived.addReader({ id: 'bench', countsHolds: true, onSample, onTrack() {}, onEnd() {} }, false);
}

const frameMs = (frameTicks * 1000) / track.clockRate;
const startMs = performance.now();
/** Cameras do not send at the same moment: each has its own. */
const next = streams.map((_, i) => (i * frameMs) / streams.length);
const counts = streams.map(() => 0);
setInterval(() => {
  const nowMs = performance.now() - startMs;
  for (const [i, stream] of streams.entries()) {
    while ((next[i] as number) <= nowMs) {
      const count = counts[i] as number;
      const pts = count * frameTicks;
      const data = frames[count % frames.length] as Uint8Array;
      stream.write(0, { pts, dts: pts, wall: pts, key: true, data });
      counts[i] = count + 1;
      next[i] = (next[i] as number) + frameMs;
    }
  }
}, STEP_MS);

setTimeout(() => {
  const cpu = process.cpuUsage();
  const fromMs = performance.now();
  made = 0;
  setTimeout(() => {
    const { user, system } = process.cpuUsage(cpu);
    const elapsedMs = performance.now() - fromMs;
    const percent = (user + system) / 10 / elapsedMs / streams.length;
    console.log(
      JSON.stringify({
        percent,
        made,
        expected: streams.length * Math.floor(elapsedMs / 20 / (kind === 'g711' ? 2 : 1)),
      }),
    );
    process.exit();
  }, Number(seconds) * 1000);
}, WARM_UP_MS);
