import { globSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from '../../agent/base/errors.ts';
import { runAgainst } from './against/against.ts';
import { apiRps } from './api/api-rps.ts';
import { authCost, authCostScrypt } from './api/auth-cost.ts';
import { boxesFirstPicture, boxesRequests } from './browser/boxes-page.ts';
import { hlsJoin } from './browser/hls-join.ts';
import { mseLag } from './browser/mse-lag.ts';
import { uiFirstPaint, uiFirstPaintFull } from './browser/ui-first-paint.ts';
import { uiGrid9, uiGrid9Start } from './browser/ui-grid.ts';
import { capacity } from './device/capacity.ts';
import {
  footprintFirstSample,
  footprintIdle,
  footprintNode,
  footprintPerch,
  footprintRecording,
} from './device/footprint.ts';
import { healthSampling } from './device/health-sampling.ts';
import { startMemory } from './device/start-memory.ts';
import { startTime } from './device/start-time.ts';
import { hls500Cpu, hls500Late, hls500Memory } from './hls/hls-500.ts';
import { hlsCpu, hlsCpuLowLatency } from './hls/hls-cpu.ts';
import { hlsMemory } from './hls/hls-memory.ts';
import { readArguments, USAGE } from './measure/arguments.ts';
import { calibrate } from './measure/calibrate.ts';
import { type Figure, factorOf, judge, type Result } from './measure/figure.ts';
import { audioTranscode, audioTranscodeFlac, audioTranscodeG711 } from './media/audio-transcode.ts';
import { ingestPacket, ingestPacketBytes } from './media/ingest-packet.ts';
import { pictureCpu, pictureCpuH265, pictureMemory } from './media/pictures.ts';
import { cameraEvents, cameraEventsBusy, cameraEventsIdle, cameraEventsMemory } from './onvif/camera-events.ts';
import { discover, discoverCpu } from './onvif/discover.ts';
import { getFirstByte, getFmp4, getMemory, getMp4 } from './playback/get-throughput.ts';
import { listScaleAll, listScaleDay, listScaleMemory, listScaleTimeline } from './playback/list-scale.ts';
import { reindexFigure } from './playback/reindex.ts';
import { reviewsDay } from './playback/reviews.ts';
import { storeFigures } from './playback/stores.ts';
import { timeLapse } from './playback/time-lapse.ts';
import { evidenceCpu } from './record/evidence-cpu.ts';
import { recordCpu } from './record/record-cpu.ts';
import { recordMemory, recordMemoryGrowth } from './record/record-memory.ts';
import { recorder16 } from './record/recorder-16.ts';
import { sdFlushes, sdWrites } from './record/sd-writes.ts';
import { transferFetch } from './record/transfer-fetch.ts';
import { tsRecordCpu } from './record/ts-record-cpu.ts';
import { rtmpCpu } from './rtmp/rtmp-cpu.ts';
import { rtmpJoin } from './rtmp/rtmp-join.ts';
import { hostileClients } from './rtsp/hostile-clients.ts';
import { hostilePublishers } from './rtsp/hostile-publishers.ts';
import { relayCpu } from './rtsp/relay-cpu.ts';
import { srtCpu } from './srt/srt-cpu.ts';
import { srtLoss } from './srt/srt-loss.ts';
import { keyFrameWish } from './webrtc/key-frame-wish.ts';
import { webrtc200Late, webrtc200Lost, webrtc200Memory } from './webrtc/webrtc-200.ts';
import { webrtcCpu } from './webrtc/webrtc-cpu.ts';
import { webrtcJoin, webrtcJoinPion } from './webrtc/webrtc-join.ts';
import { webrtcLag, webrtcLagJoin } from './webrtc/webrtc-lag.ts';
import { webrtcPacket } from './webrtc/webrtc-packet.ts';
import { webrtcSound } from './webrtc/webrtc-sound.ts';

/** Of `test/features/X/bench/figures.ts`. */
const ofFeatures: readonly { readonly figures: readonly Figure[] }[] = await Promise.all(
  globSync('../features/*/bench/figures.ts', { cwd: import.meta.dirname }).map(
    (file) => import(join(import.meta.dirname, file)),
  ),
);

const FIGURES: readonly Figure[] = [
  discover,
  discoverCpu,
  cameraEventsIdle,
  cameraEvents,
  cameraEventsBusy,
  cameraEventsMemory,
  startTime,
  startMemory,
  healthSampling,
  footprintPerch,
  footprintNode,
  footprintIdle,
  footprintRecording,
  footprintFirstSample,
  capacity,
  recorder16,
  recordCpu,
  tsRecordCpu,
  recordMemory,
  recordMemoryGrowth,
  evidenceCpu,
  hostileClients,
  hostilePublishers,
  srtLoss,
  srtCpu,
  rtmpCpu,
  sdWrites,
  sdFlushes,
  listScaleDay,
  listScaleAll,
  listScaleTimeline,
  listScaleMemory,
  reviewsDay,
  reindexFigure,
  transferFetch,
  ingestPacket,
  ingestPacketBytes,
  relayCpu,
  webrtcCpu,
  webrtcPacket,
  webrtcSound,
  webrtcJoin,
  webrtcJoinPion,
  rtmpJoin,
  keyFrameWish,
  webrtcLag,
  webrtcLagJoin,
  hlsJoin,
  webrtc200Lost,
  webrtc200Late,
  webrtc200Memory,
  hlsCpu,
  hlsCpuLowLatency,
  hlsMemory,
  hls500Cpu,
  hls500Memory,
  hls500Late,
  mseLag,
  audioTranscode,
  audioTranscodeG711,
  audioTranscodeFlac,
  pictureCpu,
  pictureCpuH265,
  pictureMemory,
  getFmp4,
  getMp4,
  getFirstByte,
  ...storeFigures,
  timeLapse,
  getMemory,
  uiFirstPaint,
  uiFirstPaintFull,
  uiGrid9,
  uiGrid9Start,
  boxesFirstPicture,
  boxesRequests,
  authCost,
  authCostScrypt,
  apiRps,
  ...ofFeatures.flatMap(({ figures }) => figures),
];

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function row(result: Result, factor: number): string {
  const spread = `${format(result.min)}…${format(result.max)}`;
  const columns = [
    result.name.padEnd(22),
    `${format(result.value)} ${result.unit}`.padStart(16),
    spread.padStart(16),
    `${result.isAtLeast ? '≥' : '≤'} ${format(result.goal)}`.padStart(10),
    factor.toFixed(2).padStart(8),
    result.ok ? '  ok' : '  MISSED',
  ];
  return columns.join('');
}

/** @param wanted a figure's name, or the common beginning of several (`footprint`) */
const figuresOf = (wanted: string): readonly Figure[] => {
  const one = FIGURES.filter(({ name }) => name === wanted);
  return one.length > 0 ? one : FIGURES.filter(({ name }) => name.startsWith(`${wanted}-`));
};

/** Status of a call that cannot be understood. */
const MISUSED = 2;

function refuse(why: string): number {
  console.error(why);
  return MISUSED;
}

async function main(args: readonly string[]): Promise<number> {
  let words: ReturnType<typeof readArguments>;
  try {
    words = readArguments(args);
  } catch (error) {
    return refuse(explain(error));
  }
  if (words.help) {
    console.log(USAGE);
    return 0;
  }
  if (words.against !== undefined) {
    return runAgainst(words.against).then(
      () => 0,
      (cause: unknown) => refuse(explain(cause)),
    );
  }
  const { json: isJson, figures: wanted } = words;
  const unknown = wanted.filter((name) => figuresOf(name).length === 0);
  if (unknown.length > 0) {
    return refuse(
      `no figure is called ${unknown.join(', ')}; known figures: ${FIGURES.map(({ name }) => name).join(', ')}`,
    );
  }
  if (words.list) {
    for (const { name, about } of FIGURES) {
      console.log(`${name.padEnd(24)}${about}`);
    }
    return 0;
  }
  const measured = wanted.length === 0 ? FIGURES : wanted.flatMap(figuresOf);
  const note = (text: string) => console.error(`  ${text}`);
  const results: Result[] = [];
  if (!isJson) {
    console.log(
      `${'figure'.padEnd(22)}${'median'.padStart(16)}${'spread'.padStart(16)}${'goal'.padStart(10)}${'machine'.padStart(8)}`,
    );
  }
  for (const figure of new Set(measured)) {
    note(`${figure.name}: ${figure.about}`);
    // The machine's speed at this moment: other programs may be using it.
    const calibration = calibrate();
    const result = judge(figure, await figure.measure(note), calibration);
    results.push(result);
    if (!isJson) {
      console.log(row(result, factorOf(figure, calibration)));
    }
  }
  if (isJson) {
    const figures = results.map(({ name, value, unit, goal, isAtLeast, ok }) => ({
      name,
      value,
      unit,
      goal,
      isAtLeast,
      ok,
    }));
    console.log(JSON.stringify({ figures }));
  }
  return results.every(({ ok }) => ok) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
