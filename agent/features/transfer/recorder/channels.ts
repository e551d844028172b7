import type { CardRecording } from '../../../onvif/recordings/card-recordings.ts';
import { areParallel } from '../../../onvif/recordings/parallel.ts';

/** Recordings of a recorder that belong together: those of one camera. */
export interface Channel {
  /** The same at each listing. */
  readonly key: string;
  /** For people. */
  readonly name: string;
  /** Oldest first. */
  readonly recordings: readonly CardRecording[];
}

const TOKEN = 'token|';

/** The channels of a recorder by name: recordings of one source, unless they are of the same time. */
export function channelsOf(recordings: readonly CardRecording[]): readonly Channel[] {
  const bySource = [...Map.groupBy(recordings, ({ source = '', name = '' }) => `${source}|${name}`)];
  const channels = bySource.flatMap(([key, some]) => {
    const all = some.toSorted((a, b) => (a.fromMs ?? 0) - (b.fromMs ?? 0));
    const named = all.map(({ name }) => name).find(Boolean);
    return areParallel(all)
      ? all.map((one) => ({
          key: `${TOKEN}${one.token}`,
          name: [named, one.token].filter(Boolean).join(' '),
          recordings: [one],
        }))
      : [{ key: `source|${key}`, name: named ?? all[0]?.token ?? '', recordings: all }];
  });
  const names = Map.groupBy(channels, ({ name }) => name);
  return channels
    .map((one) => {
      const isUnique = (names.get(one.name)?.length ?? 0) < 2;
      const name = isUnique ? one.name : `${one.name} ${one.recordings[0]?.token ?? ''}`;
      return { ...one, name: name.slice(0, 100) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The channel of a key from an earlier listing. If recordings overlap otherwise now, it has other keys: then it is what had been listed.
 * @param tokens of its recordings then, as far as they are known
 */
export function channelOf(
  channels: readonly Channel[],
  key: string,
  tokens: readonly string[] = [],
): Channel | undefined {
  const found = channels.find((one) => one.key === key);
  const known = new Set(key.startsWith(TOKEN) ? [key.slice(TOKEN.length)] : tokens);
  const recordings = channels.flatMap((one) => one.recordings).filter(({ token }) => known.has(token));
  if (found || recordings.length === 0) {
    return found;
  }
  const name = channels.find((one) => recordings.some((recording) => one.recordings.includes(recording)))?.name ?? '';
  return { key, name, recordings: recordings.sort((a, b) => (a.fromMs ?? 0) - (b.fromMs ?? 0)) };
}
