import { putBounded } from '../../../agent/base/bounded-map.ts';
import { soundPacket } from '../../../agent/demo-camera/demo-streams.ts';
import { Picture } from '../../../agent/demo-camera/picture.ts';
import { H264Encoder } from '../../../agent/media/h264/encode/encoder.ts';
import { type CardUnit, SdCard } from './sd-card.ts';

const SOUND_MS = 20;

interface Filling {
  readonly fromMs: number;
  readonly seconds: number;
  readonly fps?: number;
  /** Pictures from one key picture to the next. */
  readonly group?: number;
  readonly size?: readonly [width: number, height: number];
}

/** What was made for cards, by what was asked for: pictures take their time, and most tests of a file want the same. */
const made = new Map<string, Pick<SdCard, 'tracks' | 'units'>>();
/** Some hundred kilobytes each. */
const MAX_MADE = 8;

/** A card with recordings, made at once, with sound. Pictures differ from each other. */
export function filledCard(filling: Filling): SdCard {
  const key = JSON.stringify(filling);
  const { tracks, units } = made.get(key) ?? fillingOf(filling);
  putBounded(made, key, { tracks, units }, MAX_MADE);
  const card = new SdCard(tracks);
  card.units.push(...units);
  return card;
}

function fillingOf({ fromMs, seconds, fps = 10, group = 10, size = [160, 90] }: Filling) {
  const [width, height] = size;
  const encoder = new H264Encoder(width, height, fps);
  const picture = new Picture(width, height);
  const { sps, pps } = encoder;
  const sets = Buffer.concat([Uint8Array.of(0, 0, 0, sps.length), sps, Uint8Array.of(0, 0, 0, pps.length), pps]);
  const tracks = [
    { kind: 'video', codec: 'h264', clockRate: 90_000, width, height, fps, sps, pps: [pps] },
    { kind: 'audio', codec: 'g711', clockRate: 8_000, law: 'a', channels: 1 },
  ] satisfies SdCard['tracks'];
  const units: CardUnit[] = [];
  let soundMs = fromMs;
  for (let i = 0; i < seconds * fps; i += 1) {
    const unixMs = fromMs + (i * 1_000) / fps;
    const isKey = i % group === 0;
    picture.draw(Math.round(unixMs));
    const slice = encoder.encode(picture.frame, isKey);
    const data = isKey ? Buffer.concat([sets, slice]) : slice;
    units.push({ track: 0, unixMs, ticks: ((i * 90_000) / fps) % 2 ** 32, isKey, data });
    for (; soundMs < unixMs + 1_000 / fps; soundMs += SOUND_MS) {
      const ticks = (soundMs - fromMs) * 8;
      units.push({ track: 1, unixMs: soundMs, ticks, isKey: true, data: soundPacket(soundMs) });
    }
  }
  return { tracks, units };
}

/** Makes the pictures of some seconds larger by this: a group of ten is more than is held. */
export function enlarge({ units }: SdCard, fromMs: number, untilMs: number, bytes = 4_000_000): void {
  const slice = Buffer.alloc(4 + bytes, 0xaa);
  slice.writeUInt32BE(bytes, 0);
  slice[4] = 0x41;
  // Its first macroblock is the second one of the picture.
  slice[5] = 0x40;
  for (const [i, unit] of units.entries()) {
    if (unit.track === 0 && unit.unixMs >= fromMs && unit.unixMs < untilMs) {
      units[i] = { ...unit, data: Buffer.concat([unit.data, slice]) };
    }
  }
}
