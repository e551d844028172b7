import { globSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../peers/agent/agent.ts';
import { cameraClip, clip, type GstCamera, playClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { CAMERAS, hasFragment, names, SETTLE_SECONDS, seconds, startCameras } from '../cameras/eight-cameras.ts';
import { unpackServer } from '../device/shipped-server.ts';
import { startScript } from '../measure/script.ts';
import { type LightViewers, startLightViewers } from '../webrtc/start-light-viewers.ts';
import { type Contender, type ProgramName, Programs, parsePrograms } from './programs.ts';

const MEASURED_SECONDS = 30;
const VIEWERS = 20;
/** Of the clips. */
const FPS = 25;
const PLAYERS = [0, CAMERAS, 5 * CAMERAS];
const CLIP_SECONDS = 600;

/** One measurement of one program. */
interface Value {
  readonly cores: number;
  readonly megabytes: number;
}

/** A line of the table: what was measured, by program. */
type Row = readonly [work: string, values: ReadonlyMap<string, Value>];

/** All at the same time. */
async function measure(contenders: readonly Contender[], passed = MEASURED_SECONDS): Promise<Map<string, Value>> {
  const before = contenders.map((one) => one.cpu());
  const startMs = performance.now();
  await seconds(passed);
  const tookSeconds = (performance.now() - startMs) / 1000;
  return new Map(
    contenders.map((one, i) => [
      one.name,
      { cores: (one.cpu() - (before[i] ?? 0)) / tookSeconds, megabytes: one.megabytes() },
    ]),
  );
}

async function startAll(
  stack: AsyncDisposableStack,
  programs: Programs,
  wanted: readonly ProgramName[],
  work: Parameters<Programs['start']>[1],
): Promise<Contender[]> {
  const all: Contender[] = [];
  for (const name of programs.known(wanted)) {
    all.push(stack.use(await programs.start(name, work)));
  }
  return all;
}

const urlsOf = (cameras: GstCamera): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, cameras.url(`/${name}`)]));

async function* recording(programs: Programs): AsyncGenerator<Row> {
  await using stack = new AsyncDisposableStack();
  const cameras = urlsOf(stack.use(await startCameras(CLIP_SECONDS)));
  const all = await startAll(stack, programs, ['perch', 'mediamtx', 'ffmpeg'], { cameras, records: true });
  for (const { folder } of all) {
    await until(() => globSync(join(folder, '**/*.mp4')).filter(hasFragment).length >= CAMERAS || undefined);
  }
  await seconds(SETTLE_SECONDS);
  yield [`${CAMERAS} cameras of 1080p25, 4 Mbit/s, recorded`, await measure(all)];
}

/**
 * What the viewers add: each program alone has some, because the viewers of all at once would need the whole machine. Before that
 * all have the camera; go2rtc connects to it for its first viewer.
 */
async function* watching(programs: Programs, hasSound: boolean): AsyncGenerator<Row> {
  await using stack = new AsyncDisposableStack();
  const file = await (hasSound ? soundingClip() : cameraClip(CLIP_SECONDS));
  const camera = stack.use(await startGstCamera({ '/cam': playClip(file, hasSound) }));
  const all = await startAll(stack, programs, ['perch', 'mediamtx', 'go2rtc'], {
    cameras: { cam: camera.url('/cam') },
  });
  await seconds(SETTLE_SECONDS);
  const idle = await measure(all);
  const values = new Map<string, Value>();
  for (const one of all) {
    await using viewers = startLightViewers(one.whepUrl('cam'));
    await viewers.ask(`open ${VIEWERS}`);
    await seconds(SETTLE_SECONDS);
    await viewers.ask('begin');
    const { cores, megabytes } = (await measure([one])).get(one.name) as Value;
    await requirePictures(one, viewers);
    values.set(one.name, { cores: cores - (idle.get(one.name)?.cores ?? 0), megabytes });
  }
  yield [`${VIEWERS} WebRTC viewers of one camera${hasSound ? ' with AAC' : ''}, above idle`, values];
}

/**
 * A program that sends less also works less, which is noted.
 * @throws Error if a viewer had no picture
 */
async function requirePictures({ name }: Contender, viewers: LightViewers): Promise<void> {
  const least = Math.min(...(await viewers.tell()).map(({ pictures }) => pictures.length));
  if (least === 0) {
    throw new Error(`${name}: a viewer received no picture in ${MEASURED_SECONDS} s`);
  }
  if (least < 0.9 * FPS * MEASURED_SECONDS) {
    console.error(`  ${name}: a viewer received ${least} of ${FPS * MEASURED_SECONDS} pictures`);
  }
}

const soundingClip = async (): Promise<string> =>
  clip(`camera-aac-${CLIP_SECONDS}.mp4`, async () => [
    ...['-i', await cameraClip(CLIP_SECONDS), '-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-t', String(CLIP_SECONDS)],
    ...['-c:v', 'copy', '-c:a', 'aac', '-b:a', '64k', '-ac', '1'],
  ]);

async function* lowLatencyHls(programs: Programs): AsyncGenerator<Row> {
  await using stack = new AsyncDisposableStack();
  const cameras = urlsOf(stack.use(await startCameras(CLIP_SECONDS, 1)));
  const all = await startAll(stack, programs, ['perch', 'mediamtx'], { cameras, remuxes: true });
  const script = join(import.meta.dirname, '../hls/hls-players.ts');
  for (const count of PLAYERS) {
    await using running = new AsyncDisposableStack();
    const paths = Array.from({ length: count }, (_, i) => names[i % CAMERAS] ?? '');
    const players = count === 0 ? [] : all.map(({ hlsPort }) => startScript(script, [String(hlsPort), ...paths]));
    running.defer(async () => void (await Promise.all(players.map((one) => one.stop('SIGKILL')))));
    await Promise.all(players.map((one) => one.waitFor(/playing/)));
    await seconds(SETTLE_SECONDS);
    yield [`Low-Latency HLS of ${CAMERAS} cameras, ${count} players`, await measure(all)];
  }
}

function cell(value: Value | undefined, own: Value | undefined): string {
  if (!value) {
    return '';
  }
  const figures = `${value.cores.toFixed(3)}; ${value.megabytes.toFixed(0)} MB`;
  return own && own !== value ? `${figures} (${(own.cores / value.cores).toFixed(2)} ×)` : figures;
}

/**
 * Measures Perch and the user's programs with the same cameras. Prints a Markdown table of cores and PSS. A ratio in parentheses is
 * Perch's cores ÷ the program's.
 * @param list as of `parsePrograms`
 */
export async function runAgainst(list: string): Promise<void> {
  const others = parsePrograms(list);
  using box = await unpackServer();
  const programs = new Programs(others, box);
  const columns = programs.known(['perch', 'mediamtx', 'go2rtc', 'ffmpeg']);
  console.log(`| work: cores; PSS | ${columns.join(' | ')} |\n|---|${columns.map(() => '---|').join('')}`);
  const works = [recording(programs), watching(programs, false), watching(programs, true), lowLatencyHls(programs)];
  for (const work of works) {
    for await (const [title, values] of work) {
      console.log(`| ${[title, ...columns.map((name) => cell(values.get(name), values.get('perch')))].join(' | ')} |`);
    }
  }
}
