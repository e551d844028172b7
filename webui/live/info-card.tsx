import { useEffect, useState } from 'preact/hooks';
import { type Camera, pictureSize, videoCodec } from '../cameras/camera.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { cameraViewWords } from '../words/camera-view.ts';
import type { CameraViewWords } from '../words/en/camera-view.ts';
import { bitRate, number } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';

type Facts = Awaited<ReturnType<LivePlayer['facts']>>;

const POLL_MS = 1_000;

interface InfoProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
}

/** Technical details of the stream. */
export function InfoCard({ camera, player }: InfoProps) {
  const { words, language } = i18n();
  const t = cameraViewWords.value;
  const { facts, bitsPerSecond } = useFacts(player);
  const size = facts && facts.width > 0 ? `${facts.width} × ${facts.height}` : pictureSize(camera.main);
  const rate = bitsPerSecond ?? camera.main.bitrate;
  const lost = [
    ...(facts?.packetsLost === undefined ? [] : [t.packets(number(facts.packetsLost, 0, language))]),
    t.frames(number(facts?.dropped ?? 0, 0, language)),
  ].join(' · ');
  const leftOut = facts?.leftOut ?? [];
  const rows: readonly (readonly [string, string])[] = [
    [t.infoTechnology, player.view.value.technology ?? '–'],
    [t.infoSize, size ?? '–'],
    [t.infoCodec, facts?.codec ?? videoCodec(camera.main) ?? '–'],
    [t.infoRate, bitRate(rate, language)],
    [t.infoLost, lost],
    ...(facts?.lagMs === undefined
      ? []
      : [[t.infoLag, words.seconds(number(facts.lagMs / 1000, 1, language))] as const]),
    ...undeliveredTracks(camera.main.leftOut, t).map((text) => [t.infoUndelivered, text] as const),
    ...(leftOut.length > 0 ? [[t.infoLeftOut, leftOut.join(' · ')] as const] : []),
  ];
  return (
    <dl class="info">
      {rows.map(([name, value]) => (
        <div key={name + value}>
          <dt>{name}</dt>
          <dd class="digits">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const UNDECLARED = /^([^:]+): packets of payload type (\d+)/;

/** Tracks that the camera announces and does not deliver, each with the reason: an unknown one as the box says it. */
export function undeliveredTracks(leftOut: string | null, t: CameraViewWords): string[] {
  return (leftOut?.split('; ') ?? []).map((text) => {
    const [, track, type] = UNDECLARED.exec(text) ?? [];
    return track === undefined || type === undefined ? text : t.undeclaredPackets(track, type);
  });
}

/** Polls each second while the card is open. */
function useFacts(player: LivePlayer): { facts?: Facts; bitsPerSecond?: number } {
  const [seen, setSeen] = useState<{ facts?: Facts; bitsPerSecond?: number }>({});
  useEffect(() => {
    let before: { bytes: number; atMs: number } | undefined;
    let isOver = false;
    const lag = new WebRtcLag();
    const load = async () => {
      const reported = await player.facts().catch(() => undefined);
      const lagMs = reported?.report ? lag.update(reported.report as Report) : reported?.lagMs;
      const facts = reported && { ...reported, ...(lagMs === undefined ? {} : { lagMs }) };
      const bytes = facts?.bytesReceived;
      if (isOver || !facts) {
        return;
      }
      const atMs = performance.now();
      // HLS arrives in segments, so the camera's own bit rate is shown.
      const isSteady = player.view.peek().technology !== 'HLS' && before && bytes !== undefined;
      const rate = isSteady && before ? ((bytes - before.bytes) * 8000) / (atMs - before.atMs) : undefined;
      before = bytes === undefined ? undefined : { bytes, atMs };
      setSeen({ facts, ...(rate === undefined || rate < 0 ? {} : { bitsPerSecond: rate }) });
    };
    load();
    const timer = setInterval(load, POLL_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [player]);
  return seen;
}

/** Totals of the session. */
interface Counted {
  readonly frames: number;
  readonly delayS: number;
}

/** Names of W3C "Identifiers for WebRTC's Statistics API". */
interface Stats {
  readonly type: string;
  readonly kind?: string;
  readonly framesDecoded?: number;
  readonly totalProcessingDelay?: number;
  readonly selectedCandidatePairId?: string;
  readonly currentRoundTripTime?: number;
}
type Report = ReadonlyMap<string, Stats>;

/**
 * Delay of WebRTC: half a round trip, plus the time from a frame's first packet to its decoding, jitter buffer
 * included.
 */
export class WebRtcLag {
  #before: Counted = { frames: 0, delayS: 0 };

  /** @returns milliseconds per frame since the last sample; undefined without frames, or without these statistics */
  update(report: Report): number | undefined {
    const all = [...report.values()];
    const video = all.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
    const pairId = all.find(({ selectedCandidatePairId }) => selectedCandidatePairId)?.selectedCandidatePairId ?? '';
    const { framesDecoded: frames, totalProcessingDelay: delayS } = video ?? {};
    if (frames === undefined || delayS === undefined) {
      return undefined;
    }
    // A new session starts at zero.
    const before = frames < this.#before.frames ? { frames: 0, delayS: 0 } : this.#before;
    this.#before = { frames, delayS };
    const tripS = report.get(pairId)?.currentRoundTripTime ?? 0;
    const count = frames - before.frames;
    return count > 0 ? Math.max(0, ((delayS - before.delayS) / count + tripS / 2) * 1000) : undefined;
  }
}
