import { expect } from 'vitest';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { mp4Clip } from '../../../peers/cameras/mp4-clip.ts';

/** A card with H.265 of 320 × 240 and AAC, as most cameras record. */
export async function hevcCard(fromMs: number, seconds: number): Promise<SdCard> {
  const [pictures, sound] = await Promise.all([mp4Clip('h265', seconds), mp4Clip('aac', seconds)]);
  const [video, audio] = [pictures.track, sound.track];
  if (video.kind !== 'video' || video.codec !== 'h265' || audio.kind !== 'audio' || audio.codec !== 'aac') {
    return expect.fail('the clips have other codecs');
  }
  const card = new SdCard([video, audio]);
  const sets = [video.vps, video.sps, ...video.pps].flatMap((nal) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(nal.length);
    return [length, nal];
  });
  const units = [pictures, sound].flatMap(({ samples, track: { clockRate } }, track) =>
    samples.map(({ pts, key, data }) => ({
      ...{ track: track as 0 | 1, ticks: pts, isKey: key },
      unixMs: fromMs + ((pts - (samples[0]?.pts ?? 0)) * 1_000) / clockRate,
      data: track === 0 && key ? Buffer.concat([...sets, data]) : data,
    })),
  );
  for (const unit of units.sort((a, b) => a.unixMs - b.unixMs)) {
    card.add(unit);
  }
  card.isRecording = true;
  return card;
}
