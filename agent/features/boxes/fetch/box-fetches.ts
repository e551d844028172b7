import { PerchError } from '../../../base/errors.ts';
import { RateLimit } from '../../../base/time/rate-limit.ts';
import { parseRfc3339 } from '../../../playback/read/rfc3339.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { foreseeUses, recordingOf, recordingTo } from '../../../recordings/copy/forecast.ts';
import type {
  ImportForecast,
  StoredTransfer,
  TransferForecast,
  TransferSource,
} from '../../../recordings/copy/transfer-kind.ts';
import type { Host } from '../../contract.ts';
import { type BoxClient, BoxRequests } from '../requests/box-requests.ts';
import { BoxRecordings } from './box-recordings.ts';
import { fetchEvents } from './fetch-companions.ts';
import { FetchList, type FetchListDeps } from './fetch-list.ts';
import type { FetchRequest } from './fetch-request.ts';

export interface BoxFetchesDeps extends Pick<Host, 'clock' | 'config' | 'recordings'> {
  readonly boxes: BoxClient;
}
type Fetch = Pick<StoredTransfer, 'box' | 'items' | 'sinceUs' | 'untilUs' | 'maxBytesPerSecond'>;

/** No path has this name: there are no recordings of it here. */
const NEW_PATH = '';

/** Fetches recordings of paired boxes. */
export class BoxFetches implements TransferSource {
  readonly #deps: BoxFetchesDeps;
  readonly #requests: BoxRequests;

  constructor(deps: BoxFetchesDeps) {
    this.#deps = deps;
    this.#requests = new BoxRequests(deps.boxes, deps.clock);
  }

  async begin(request: FetchRequest) {
    return this.#rangeOf(request);
  }

  /** @throws PerchError badInput, notFound */
  #rangeOf({ box, since, until, maxBytesPerSecond }: FetchRequest) {
    this.#requireBox(box);
    const [sinceUs, untilUs] = [since, until].map(timeOf);
    if (sinceUs !== undefined && untilUs !== undefined && sinceUs >= untilUs) {
      throw new PerchError('badInput', `since (${since}) is not before until (${until})`);
    }
    return {
      box,
      ...(sinceUs !== undefined && { sinceUs }),
      ...(untilUs !== undefined && { untilUs }),
      ...(maxBytesPerSecond !== undefined && { maxBytesPerSecond }),
    };
  }

  async look({ box }: Pick<FetchRequest, 'box'>, signal: AbortSignal): Promise<ImportForecast> {
    this.#requireBox(box);
    const timeText = (us: number | null) => (us === null ? null : new Date(us / 1000).toISOString());
    const cameras = await new BoxRecordings(box, this.#requests).cameras(signal);
    return {
      groups: cameras.map(({ path, name, files, bytes, firstUs, lastUs }) => ({
        group: path,
        name: name ?? path,
        program: 'perch',
        files,
        bytes,
        first: timeText(firstUs),
        last: timeText(lastUs),
      })),
      own: 0,
      leftOut: { count: 0, items: [] },
      isCut: false,
    };
  }

  async forecast(request: FetchRequest, signal: AbortSignal): Promise<TransferForecast> {
    const items = request.items.map(({ group, path = NEW_PATH }) => ({ group, path }));
    const config = this.#deps.config();
    const settingsOf = (path: string) => recordingTo(config, path === NEW_PATH ? undefined : path);
    const list = this.#list({ ...this.#rangeOf(request), items }, settingsOf);
    return foreseeUses(await list.sums(signal), request.items, config);
  }

  places({ box = '' }: Pick<StoredTransfer, 'box'>): { readonly from: string; readonly to: null } {
    return { from: this.#deps.boxes.item(box)?.name ?? box, to: null };
  }

  list(fetch: Fetch): FetchList {
    return this.#list(fetch, (path) => recordingOf(this.#deps.config(), path));
  }

  #list(
    { box = '', items = [], sinceUs, untilUs, maxBytesPerSecond = 0 }: Fetch,
    settingsOf: FetchListDeps['settingsOf'],
  ): FetchList {
    const { clock, recordings } = this.#deps;
    const limit = new RateLimit(clock, maxBytesPerSecond);
    const [range, source] = [{ sinceUs, untilUs }, new BoxRecordings(box, this.#requests)];
    const events = {
      listed: source.events.bind(source),
      oldestUs: (path: string) => {
        const keptMs = settingsOf(path).recordDeleteAfterMs;
        return keptMs > 0 ? (clock.wallMs() - keptMs) * 1000 : 0;
      },
      isHere: ({ path, startUs, id, labels, zones }: CameraEvent) =>
        recordings.playback.events
          // Of those that start in the same microsecond.
          .eventsOf(path, startUs, startUs, 100)
          .some((one) => one.id === id && (!labels || one.labels !== undefined) && (!zones || one.zones !== undefined)),
      store: (event: CameraEvent) => recordings.events.storePast(event),
    };
    return new FetchList(items, range, {
      clock,
      settingsOf,
      source,
      protect: async (path, { createdMs, by, ...range }) => {
        const { fault, all } = recordings.space.protectedRanges;
        const isHere = all.some(
          (one) => one.path === path && one.startUs === range.startUs && one.endUs === range.endUs,
        );
        if (fault !== undefined || !isHere) {
          const made = { ...(createdMs !== null && { createdMs }), ...(by !== null && { by }) };
          await recordings.space.protectedRanges.add({ path, ...range, ...made });
        }
      },
      takeEvents: (pace) => fetchEvents(items, range, pace, events),
      take: (bytes, signal) => limit.take(bytes, signal),
    });
  }

  #requireBox(box: string): void {
    if (!this.#deps.boxes.item(box)) {
      throw new PerchError('notFound', `box '${box}' is not paired: add it first`, { why: 'boxUnknown' });
    }
  }
}

/** @throws PerchError badInput */
function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : parseRfc3339(text);
  if (text !== undefined && !time) {
    throw new PerchError('badInput', `'${text}' is no time like 2026-01-31T18:00:00Z`);
  }
  return time?.us;
}
