import { readMedia } from '../../hls-validator/read-media.ts';
import { until } from '../agent/agent.ts';

/** The current media playlists of a multivariant playlist; empty without a stream. */
export async function mediaPlaylists(url: string): Promise<ReturnType<typeof readMedia>[]> {
  const answer = await fetch(url);
  const addresses = answer.ok ? ((await answer.text()).match(/\w+_stream\.m3u8[^"\n]*/g) ?? []) : [];
  return Promise.all(
    [...new Set(addresses)].map(async (address) => readMedia(await (await fetch(new URL(address, url))).text())),
  );
}

/** Waits until each playlist lists this many segments. */
export const segmentsListed = (url: string, count: number): Promise<true> =>
  until(async () => {
    const all = await mediaPlaylists(url);
    return all.length > 0 && all.every(({ segments }) => segments.length >= count) ? true : undefined;
  });

/** A stream shows its group length with the first one: only then the target duration, which may never change, is known. */
export const targetDuration = (url: string, atLeastS: number): Promise<true> =>
  until(async () => {
    const all = await mediaPlaylists(url);
    return all.length > 0 && all.every(({ targetDurationS }) => targetDurationS >= atLeastS) ? true : undefined;
  });
