import { useEffect, useState } from 'preact/hooks';
import { type Camera, pictureSize, videoCodec } from '../cameras/camera.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { cameraViewWords } from '../words/camera-view.ts';
import { bitRate, number } from '../words/format.ts';
import { i18n } from '../words/i18n.ts';

type Facts = Awaited<ReturnType<LivePlayer['facts']>>;

const LOOK_MS = 1_000;

interface InfoProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
}

/** The "i": how the picture comes, in the technology's words. */
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
    ...(leftOut.length > 0 ? [[t.infoLeftOut, leftOut.join(' · ')] as const] : []),
  ];
  return (
    <dl class="info">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="digits">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Looks once a second as long as the card is open. */
function useFacts(player: LivePlayer): { facts?: Facts; bitsPerSecond?: number } {
  const [seen, setSeen] = useState<{ facts?: Facts; bitsPerSecond?: number }>({});
  useEffect(() => {
    let before: { bytes: number; atMs: number } | undefined;
    let isOver = false;
    const lag = new WebRtcLag();
    const look = async () => {
      const told = await player.facts().catch(() => undefined);
      const lagMs = told?.report ? lag.look(told.report as Report) : told?.lagMs;
      const facts = told && { ...told, ...(lagMs === undefined ? {} : { lagMs }) };
      const bytes = facts?.bytesReceived;
      if (isOver || !facts) {
        return;
      }
      const atMs = performance.now();
      // HLS comes in lumps: the camera's own rate says more than a second's bytes.
      const isSteady = player.view.peek().technology !== 'HLS' && before && bytes !== undefined;
      const rate = isSteady && before ? ((bytes - before.bytes) * 8000) / (atMs - before.atMs) : undefined;
      before = bytes === undefined ? undefined : { bytes, atMs };
      setSeen({ facts, ...(rate === undefined || rate < 0 ? {} : { bitsPerSecond: rate }) });
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [player]);
  return seen;
}

/** What is counted since the session began. */
interface Counted {
  readonly frames: number;
  readonly delayS: number;
}

/** As W3C "Identifiers for WebRTC's Statistics API" names them, of what is used here. */
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
 * How far a picture that comes by WebRTC is behind the device: half a round trip, and what a frame takes here from its first packet
 * until it is decoded, the wait in the jitter buffer included.
 */
export class WebRtcLag {
  #before: Counted = { frames: 0, delayS: 0 };

  /** @returns of the frames since the last look, milliseconds; undefined: none came, or the browser does not count that */
  look(report: Report): number | undefined {
    const all = [...report.values()];
    const video = all.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
    const pairId = all.find(({ selectedCandidatePairId }) => selectedCandidatePairId)?.selectedCandidatePairId ?? '';
    const { framesDecoded: frames, totalProcessingDelay: delayS } = video ?? {};
    if (frames === undefined || delayS === undefined) {
      return undefined;
    }
    // Another session counts anew.
    const before = frames < this.#before.frames ? { frames: 0, delayS: 0 } : this.#before;
    this.#before = { frames, delayS };
    const tripS = report.get(pairId)?.currentRoundTripTime ?? 0;
    const count = frames - before.frames;
    return count > 0 ? Math.max(0, ((delayS - before.delayS) / count + tripS / 2) * 1000) : undefined;
  }
}
