import { useEffect, useState } from 'preact/hooks';
import { type Camera, pictureSize, videoCodec } from '../cameras/camera.ts';
import type { LivePlayer } from '../player/live-player.ts';
import { voice } from '../words/i18n.ts';
import { cinemaWords } from '../words/cinema.ts';
import { bitRate, number } from '../words/format.ts';
import { type Report, WebRtcLag } from './webrtc-lag.ts';

type Facts = Awaited<ReturnType<LivePlayer['facts']>>;

const LOOK_MS = 1_000;

interface InfoProps {
  readonly camera: Camera;
  readonly player: LivePlayer;
}

/** The "i": how the picture comes, in the technology's words. */
export function InfoCard({ camera, player }: InfoProps) {
  const { words, language } = voice();
  const say = cinemaWords.value;
  const { facts, bitsPerSecond } = useFacts(player);
  const size = facts && facts.width > 0 ? `${facts.width} × ${facts.height}` : pictureSize(camera.main);
  const rate = bitsPerSecond ?? camera.main.bitrate;
  const lost = [
    ...(facts?.packetsLost === undefined ? [] : [say.packets(number(facts.packetsLost, 0, language))]),
    say.frames(number(facts?.dropped ?? 0, 0, language)),
  ].join(' · ');
  const leftOut = facts?.leftOut ?? [];
  const rows: readonly (readonly [string, string])[] = [
    [say.infoTechnology, player.view.value.technology ?? '–'],
    [say.infoSize, size ?? '–'],
    [say.infoCodec, facts?.codec ?? videoCodec(camera.main) ?? '–'],
    [say.infoRate, bitRate(rate, language)],
    [say.infoLost, lost],
    ...(facts?.lagMs === undefined
      ? []
      : [[say.infoLag, words.seconds(number(facts.lagMs / 1000, 1, language))] as const]),
    ...(leftOut.length > 0 ? [[say.infoLeftOut, leftOut.join(' · ')] as const] : []),
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
