import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TsMuxer } from '../../../agent/media/mpegts/mux/mux.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type GstCamera, startGstCamera } from '../../peers/cameras/camera.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../peers/programs/process.ts';
import { freeUdpPair } from '../../support/base/free-port.ts';
import { klv } from '../../support/media/audio-tracks.ts';
import { tinyH264, tinyVideo } from '../../support/media/tiny-h264.ts';

const FPS = 25;
const SECONDS = 4;
const ACCESS =
  'api: yes\nauthInternalUsers:\n- user: any\n  permissions: [{action: read}, {action: publish}, {action: api}]\n';
const KEY = '060e2b34020b01010e01030101000000';

/** A unit of a UAS local set (MISB ST 0601) with the number of its picture; each tenth one does not fit into a packet. */
function unitOf(number: number): Buffer {
  const value = Buffer.alloc(number % 10 === 0 ? 2_000 : 20, number);
  value.writeUInt32BE(number);
  return Buffer.concat([Buffer.from(KEY, 'hex'), Buffer.of(0x82, value.length >> 8, value.length & 0xff), value]);
}

/** Numbers of the units in a file, in their order. */
function numbersIn(file: string): number[] {
  const bytes = readFileSync(file);
  const key = Buffer.from(KEY, 'hex');
  const numbers: number[] = [];
  for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) {
    const number = bytes.readUInt32BE(at + key.length + 3);
    const unit = unitOf(number);
    // The last one may be cut by the end of the reading.
    if (bytes.subarray(at, at + unit.length).equals(unit)) {
      numbers.push(number);
    }
  }
  return numbers;
}

function expectAllUnits(file: string): void {
  const numbers = numbersIn(file);
  expect(numbers.length, file).toBeGreaterThanOrEqual(2 * FPS);
  const first = numbers[0] ?? 0;
  expect(numbers, file).toEqual(numbers.map((_, i) => (first + i) % (FPS * SECONDS)));
}

function clipWithKlv(): Buffer {
  const muxer = new TsMuxer([tinyH264, klv]);
  const pictures = tinyVideo(FPS * SECONDS, FPS, FPS);
  const puts = pictures.flatMap((picture, i): (readonly [track: number, sample: Sample])[] => [
    [0, picture],
    [1, { ...picture, key: true, data: unitOf(i) }],
  ]);
  const out = Buffer.alloc(
    puts.reduce((sum, [track, sample]) => sum + muxer.maxBytesOf(track, sample), muxer.tableBytes),
  );
  muxer.begin(out);
  for (const [track, sample] of puts) {
    muxer.write(track, sample, 0);
  }
  return out.subarray(0, muxer.sizeBytes);
}

const PICTURES =
  'videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! h264parse';
/** The units of the folder's files, one for each picture, again and again. */
const unitsIn = (folder: string): string =>
  `multifilesrc location=${folder}/unit-%05d.klv start-index=0 stop-index=${FPS * SECONDS - 1} loop=true do-timestamp=true caps=meta/x-klv,parsed=true ! identity sleep-time=${1_000_000 / FPS} ! queue`;

/** Arguments of ffmpeg that copy as many units of metadata to a file as a camera sends in three seconds. */
const metadataTo = (file: string, input: readonly string[]): string[] => [
  ...['-y', '-nostdin', '-v', 'error', ...input],
  ...['-frames:d', `${3 * FPS}`, '-map', '0:d', '-c', 'copy', '-f', 'data', file],
];

/** A pipeline of GStreamer that has written nothing by then never does. */
const GSTREAMER_MS = 10_000;
const hasBytes = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;

describeWith(['ffmpeg', 'gstreamer', 'srt-tools'], 'KLV', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-klv-'));
  const clip = join(folder, 'clip.ts');
  const running: RunningProcess[] = [];
  let agent: Agent;
  let camera: GstCamera;
  let srtPort = 0;

  const start = (command: string, args: readonly string[]) => {
    const program = startProcess(command, args);
    running.push(program);
    return program;
  };
  const send = (options: readonly string[], url: string) =>
    start('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', clip, '-map', '0', '-c', 'copy'],
      ...[...options, url],
    ]);
  const isReady = (path: string) =>
    until(async () => {
      const status = await agent.json<PathStatus>(`/v3/paths/get/${path}`).catch(() => undefined);
      return status?.ready ? status : undefined;
    });

  beforeAll(async () => {
    writeFileSync(clip, clipWithKlv());
    for (let i = 0; i < FPS * SECONDS; i += 1) {
      writeFileSync(join(folder, `unit-${String(i).padStart(5, '0')}.klv`), unitOf(i));
    }
    const [udpPort] = await freeUdpPair();
    const [gstPort] = await freeUdpPair();
    camera = await startGstCamera({
      '/klv': `( ${PICTURES} ! rtph264pay name=pay0 pt=96  ${unitsIn(folder)} ! rtpklvpay name=pay1 pt=97 )`,
    });
    const ports = { udp: udpPort, gst: gstPort };
    const listening = Object.entries(ports).map(
      ([path, port]) => `  ${path}: {source: 'udp+mpegts://127.0.0.1:${port}'}\n`,
    );
    const paths = `${listening.join('')}  camera: {source: '${camera.url('/klv')}'}\n  stage:\n`;
    agent = await startAgent({
      listen: ({ rtsp }) => {
        srtPort = rtsp;
        return { srtAddress: `127.0.0.1:${rtsp}` };
      },
      config: `${ACCESS}paths:\n${paths}`,
    });
    send(['-f', 'mpegts'], `udp://127.0.0.1:${udpPort}?pkt_size=1316`);
    send(['-f', 'mpegts'], `srt://127.0.0.1:${srtPort}?streamid=publish:stage&pkt_size=1316`);
    const sink = `mpegtsmux name=mux alignment=7 ! udpsink host=127.0.0.1 port=${gstPort}`;
    start('gst-launch-1.0', ['-q', ...`${PICTURES} ! mux. ${unitsIn(folder)} ! mux. ${sink}`.split(' ')]);
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await camera?.[Symbol.asyncDispose]();
    for (const program of running) {
      await program.stop('SIGKILL');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test.concurrent.for([
    ['ffmpeg in MPEG-TS over UDP', 'udp'],
    ['ffmpeg in MPEG-TS over SRT', 'stage'],
    ['GStreamer in MPEG-TS over UDP', 'gst'],
    ['GStreamer over RTSP', 'camera'],
  ] as const)('of %s goes to ffmpeg and GStreamer over RTSP', async ([, path]) => {
    expect((await isReady(path)).tracks).toEqual(['H264', 'KLV']);
    const byFfmpeg = join(folder, `${path}-ffmpeg.klv`);
    const tcp = ['-rtsp_transport', 'tcp', '-i', agent.rtspUrl(path)];
    const args = metadataTo(byFfmpeg, tcp);
    const { code, output } = await runProcess('ffmpeg', args);
    expect(code, output).toBe(0);
    const byGstreamer = join(folder, `${path}-gst.klv`);
    const pipeline = `rtspsrc location=${agent.rtspUrl(path)} protocols=tcp name=src src. ! application/x-rtp,media=application ! rtpklvdepay ! filesink buffer-mode=unbuffered location=${byGstreamer} src. ! application/x-rtp,media=video ! fakesink`;
    // GStreamer ends, or stands still, when packets of the picture have nowhere to go before the pad of the metadata is linked: it is
    // started again.
    let gst = start('gst-launch-1.0', ['-q', ...pipeline.split(' ')]);
    let startedMs = performance.now();
    await until(async () => {
      const isStill = performance.now() - startedMs > GSTREAMER_MS && !hasBytes(byGstreamer);
      if (gst.child.exitCode !== null || isStill) {
        await gst.stop('SIGKILL');
        gst = start('gst-launch-1.0', ['-q', ...pipeline.split(' ')]);
        startedMs = performance.now();
      }
      const read = existsSync(byGstreamer) ? numbersIn(byGstreamer) : [];
      return read.length >= 2 * FPS ? read : undefined;
    });
    await gst.stop('SIGINT');
    expectAllUnits(byFfmpeg);
    expectAllUnits(byGstreamer);
  });

  test.concurrent('of a camera with RTSP goes to ffmpeg over SRT', async () => {
    await isReady('udp');
    await using second = await startAgent({
      listen: ({ rtsp }) => ({ srtAddress: `127.0.0.1:${rtsp}` }),
      config: `${ACCESS}paths:\n  again: {source: '${agent.rtspUrl('udp')}'}\n`,
    });
    const url = `srt://127.0.0.1:${second.ports.rtsp}?streamid=read:again`;
    await until(async () => {
      const status = await second.json<PathStatus>('/v3/paths/get/again').catch(() => undefined);
      return status?.ready || undefined;
    });
    const { streams } = await ffprobe(url);
    expect(streams.map(({ codec_name }) => codec_name).sort()).toEqual(['h264', 'klv']);
    const file = join(folder, 'srt.klv');
    const args = metadataTo(file, ['-i', url]);
    const { code, output } = await runProcess('ffmpeg', args);
    expect(code, output).toBe(0);
    expectAllUnits(file);
  });
});
