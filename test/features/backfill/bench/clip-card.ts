import type { G711Track } from '../../../../agent/media/sample/track.ts';
import { cameraPictures, nalsOf } from '../../../bench/playback/hour-recording.ts';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';

const FPS = 25;
const SOUND: G711Track = { kind: 'audio', codec: 'g711', clockRate: 8_000, law: 'a', channels: 1 };
/** H.264 table 7-1. */
const SLICES = new Set([1, 5]);

/** A card with 1080p of 4 Mbit/s and no sound. All pictures differ: each has its number in SEI. */
export async function clipCard(fromMs: number, seconds: number): Promise<SdCard> {
  const { track, pictures } = await cameraPictures();
  const card = new SdCard([track, SOUND]);
  card.isRecording = true;
  for (let i = 0; i < seconds * FPS; i += 1) {
    const slices = nalsOf(pictures[i % pictures.length] as Uint8Array).filter((nal) =>
      SLICES.has((nal[0] ?? 0) & 0x1f),
    );
    const isKey = ((slices[0]?.[0] ?? 0) & 0x1f) === 5;
    const nals = [...(isKey ? [track.sps, ...track.pps] : []), numbered(i), ...slices];
    const data = Buffer.concat(nals.flatMap((nal) => [lengthOf(nal), nal]));
    card.add({ track: 0, unixMs: fromMs + (i * 1_000) / FPS, ticks: (i * 90_000) / FPS, isKey, data });
  }
  return card;
}

function lengthOf(nal: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(nal.length);
  return bytes;
}

/** user_data_unregistered with a number, without bytes that need emulation prevention. */
const numbered = (number: number): Uint8Array =>
  Buffer.concat([
    Uint8Array.of(6, 5, 24),
    Buffer.alloc(16, 0x70),
    Buffer.from(String(number).padStart(8, '0')),
    Uint8Array.of(0x80),
  ]);
