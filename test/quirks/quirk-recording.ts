import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MU_LAW } from '../../agent/media/g711/decode.ts';
import { NAL_LENGTH_BYTES, readNalLength } from '../../agent/media/payload/nal.ts';
import { runProcess } from '../peers/programs/process.ts';
import { decodeFlacFrame } from '../support/media/flac-decoder.ts';
import type { Codec } from './clip.ts';
import { hashOf } from './quirk-reader.ts';

const CODE_OF = new Map([...MU_LAW].map((value, code) => [value, code]));
const SOUND_RATE = 8;

export interface RecordedPicture {
  readonly ms: number;
  readonly decodeMs: number;
  readonly hash: string;
}

/** One file of a path, with its times by ffmpeg. */
export interface QuirkRecording {
  readonly pictures: readonly RecordedPicture[];
  readonly sounds: readonly { readonly ms: number; readonly code: number }[];
  readonly endMs: number;
}

/** The files of a path in order. */
export function readRecordings(dataDir: string, path: string, codec: Codec): Promise<QuirkRecording[]> {
  const files = globSync(join(dataDir, `recordings/${path}/*.mp4`)).toSorted();
  return Promise.all(files.map((file) => readRecording(file, codec)));
}

async function readRecording(file: string, codec: Codec): Promise<QuirkRecording> {
  const shown = ['-show_entries', 'packet=codec_type,pts_time,dts_time,duration_time,size,pos', '-of', 'json'];
  const { code, output } = await runProcess('ffprobe', ['-v', 'error', ...shown, file]);
  if (code !== 0) {
    throw new Error(`ffprobe cannot read ${file}: ${output}`);
  }
  const bytes = readFileSync(file);
  const pictures: RecordedPicture[] = [];
  const sounds: { ms: number; code: number }[] = [];
  let endMs = 0;
  for (const packet of (JSON.parse(output) as { packets: Record<string, string>[] }).packets) {
    const at = Number(packet['pos']);
    const data = bytes.subarray(at, at + Number(packet['size']));
    const [ms, decodeMs, durationMs] = ['pts_time', 'dts_time', 'duration_time'].map(
      (key) => 1000 * Number(packet[key]),
    );
    if (packet['codec_type'] === 'video') {
      pictures.push({ ms: ms as number, decodeMs: decodeMs as number, hash: hashOf(codec, nalsOf(data)) });
      endMs = (decodeMs as number) + (durationMs as number);
    } else {
      sounds.push(...soundsOf(ms as number, data));
    }
  }
  return { pictures, sounds, endMs };
}

function nalsOf(data: Uint8Array): Uint8Array[] {
  const nals: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    const start = at + NAL_LENGTH_BYTES;
    at = start + readNalLength(data, at);
    nals.push(data.subarray(start, at));
  }
  return nals;
}

/** Each code word of a frame with its time, without the silence that fills gaps. */
function soundsOf(startMs: number, data: Uint8Array): { ms: number; code: number }[] {
  const { pcm } = decodeFlacFrame(data);
  const sounds: { ms: number; code: number }[] = [];
  for (const [i, value] of pcm.entries()) {
    const code = CODE_OF.get(value);
    if (code !== undefined && value !== 0 && value !== pcm[i - 1] && i > 0) {
      sounds.push({ ms: startMs + i / SOUND_RATE, code });
    }
  }
  return sounds;
}
