import type { CameraEvent } from './event.ts';
import { joinedZones } from './event-zones.ts';

/** The same event may begin at other times at servers, by the clock of a box. Beyond that an id was used again. */
const SAME_US = 120_000_000;

type Mergeable = Omit<CameraEvent, 'source'>;

/** An event as several servers have reported it, in any order: what one of them knows is not lost. */
export function mergedEvent<News extends Mergeable>(known: Mergeable | undefined, news: News): News {
  if (!known || known.startUs < news.startUs - SAME_US) {
    return news;
  }
  if (known.startUs > news.startUs + SAME_US) {
    // An event of an index has no source.
    return { source: (news as Partial<CameraEvent>).source, ...known } as Mergeable as News;
  }
  const ends = [known.endUs, news.endUs].filter((us) => us !== undefined);
  return {
    ...news,
    startUs: Math.min(known.startUs, news.startUs),
    endUs: ends.length === 0 ? undefined : Math.max(...ends),
    text: news.text || known.text,
    area: news.area ?? known.area,
    // Nothing was found: another server may have found something.
    labels: news.labels?.length || !known.labels ? news.labels : known.labels,
    zones: joinedZones(known.zones, news.zones),
  } satisfies Mergeable;
}
