import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordOfEntry } from '../../../agent/media/mp4/read/entry-track.ts';
import { parseInit } from '../../../agent/media/mp4/read/read.ts';
import { Pictures } from '../../../agent/picture/pictures.ts';
import { readPlainMp4 } from '../../support/media/read-mp4.ts';

/** usage: pictures-run.ts ENCODER. Makes JPEGs of a key frame of 1080p and prints what one takes. */
const [, , encoder = 'libx264'] = process.argv;
const PICTURES = 12;
/** V8 compiles the decoder. */
const WARM_UP = 4;

const folder = mkdtempSync(join(tmpdir(), 'perch-pictures-'));
const film = join(folder, 'film.mp4');
const source = 'testsrc2=s=1920x1080:r=25:d=0.04,noise=alls=12';
const encoding = [
  '-c:v',
  encoder,
  '-preset',
  'veryfast',
  '-b:v',
  '4M',
  '-movflags',
  '+faststart',
  '-x265-params',
  'log-level=none',
];
execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', ...encoding, film]);
const bytes = readFileSync(film);
rmSync(folder, { recursive: true });
const [track] = parseInit(bytes)?.tracks ?? [];
const entry = track && recordOfEntry(track);
const [sample] = [...readPlainMp4(bytes).values()][0] ?? [];
if (!entry || !sample) {
  throw new Error('ffmpeg made no film');
}

const pictures = new Pictures();
const rssMb = () => process.memoryUsage.rss() / 1e6;
const before = rssMb();
let peak = before;
let cpuUs = 0;
for (let i = 0; i < WARM_UP + PICTURES; i += 1) {
  const start = process.cpuUsage();
  const samples = [{ data: Uint8Array.from(sample.data), time: 0 }];
  const record = Uint8Array.from(entry.record);
  await pictures.make({ coded: { codec: entry.codec, record, samples, until: 0 }, width: undefined });
  const { user, system } = process.cpuUsage(start);
  cpuUs += i < WARM_UP ? 0 : user + system;
  peak = Math.max(peak, rssMb());
}
await pictures.close();
console.log(JSON.stringify({ ms: cpuUs / 1000 / PICTURES, mb: peak - before, kilobytes: sample.data.length / 1000 }));
