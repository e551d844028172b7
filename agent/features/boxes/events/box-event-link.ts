import { StringDecoder } from 'node:string_decoder';
import { explain, PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import type { Host } from '../../contract.ts';
import { type BoxEvent, eventOf, eventPageOf } from '../requests/box-answers.ts';
import { after, type BoxRequests } from '../requests/box-requests.ts';
import { type EventLink, isOfCamera, OUTAGE, type TakesEvents } from './event-link.ts';
import { SseReader } from './sse-reader.ts';

const RETRY_MS = 3_000;
const MAX_RETRY_MS = 10_000;
/** Longest silence of the stream: a box sends a line every 15 s. */
const SILENT_MS = 45_000;
/** Maximum number of events fetched at the first contact or after a long absence. */
const MAX_FETCHED = 10_000;
const PAGE = 200;
/** Covers events that were ongoing when the connection ended, and clocks that differ. */
const OVERLAP_MS = 3_600_000;
/** Outages are not in the stream. They are in the list after a minute. */
const OUTAGES_MS = 120_000;

/** How far the events of a box were received; kept across restarts. */
export interface EventMark {
  /** Id of the last event of the stream. */
  readonly id: string;
  /** When it arrived, in Unix milliseconds. */
  readonly atMs: number;
}

interface BoxEventLinkDeps extends Pick<Host, 'clock' | 'log'>, TakesEvents {
  readonly box: string;
  readonly requests: BoxRequests;
  /** How far the events were received before; undefined before the first contact. */
  readonly mark: EventMark | undefined;
  noteMark(mark: EventMark): void;
}

/** The events of all cameras of a box, in one stream. Events missed during an interruption are fetched from the box's list. */
export class BoxEventLink implements EventLink {
  readonly #deps: BoxEventLinkDeps;
  readonly #stop = new AbortController();
  /** Aborts the connection, so that the link connects again. */
  #renew = new AbortController();
  #mark: EventMark | undefined;
  /** Paths whose earlier events are not known yet. */
  readonly #isNew = new Set<string>();
  #done: Promise<void> = Promise.resolve();
  #lastError = '';
  /** Time of the last request for outages, in monotonic ms. */
  #outagesMs = 0;
  /** Until when outages are known, in Unix ms, or undefined if nothing is known, or cameras were added. */
  #knownUntilMs: number | undefined;
  /** Start of the earliest ongoing outage, in Unix ms; infinite: none is ongoing. */
  #ongoingMs = Number.POSITIVE_INFINITY;

  constructor(deps: BoxEventLinkDeps) {
    this.#deps = deps;
    this.#mark = deps.mark;
  }

  begin(): void {
    this.#done = this.#run().catch((error: unknown) => this.#deps.log.error({ err: error }, 'events of a box failed'));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** Fetches the earlier events of cameras that were added. */
  addPaths(paths: readonly string[]): void {
    for (const path of paths) {
      this.#isNew.add(path);
    }
    this.#knownUntilMs = undefined;
    this.#renew.abort();
  }

  async #run(): Promise<void> {
    const { clock, box, log } = this.#deps;
    const { signal } = this.#stop;
    let waitMs = RETRY_MS;
    while (!signal.aborted) {
      const sinceMs = clock.monoMs();
      try {
        await this.#follow();
      } catch (error) {
        const text = explain(error);
        rethrowUnexpected(error);
        if (!signal.aborted && text !== this.#lastError) {
          log.info({ box, cause: text }, 'no events of a box');
        }
        this.#lastError = text;
      }
      waitMs = clock.monoMs() - sinceMs > MAX_RETRY_MS ? RETRY_MS : Math.min(2 * waitMs, MAX_RETRY_MS);
      await clock.sleep(waitMs, signal);
    }
  }

  /** Follows the event stream until it ends. */
  async #follow(): Promise<void> {
    const { box, requests, clock } = this.#deps;
    this.#renew = new AbortController();
    const over = new AbortController();
    const end = (): void => over.abort();
    this.#stop.signal.addEventListener('abort', end, { once: true });
    this.#renew.signal.addEventListener('abort', end, { once: true });
    const headers: Record<string, string> = this.#mark ? { 'Last-Event-ID': this.#mark.id } : {};
    const query = new URLSearchParams({ types: 'event' });
    let inTime: (() => void) | undefined;
    try {
      const { body, status } = await requests.ask(
        box,
        { path: '/v3/events', query, headers, signal: over.signal },
        true,
      );
      if (status !== 200) {
        body.destroy();
        throw new PerchError('badInput', `an event stream with status ${status}`);
      }
      this.#lastError = '';
      // The stream is open: nothing is missed between it and the list.
      await this.#fetchMissed();
      await this.#fetchOutages();
      const [reader, decoder] = [new SseReader(), new StringDecoder('utf8')];
      inTime = after(clock, SILENT_MS, end);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        inTime();
        for (const { type, data } of reader.push(decoder.write(chunk))) {
          await this.#takeSent(type, data);
        }
        this.#note(reader.lastId);
        if (clock.monoMs() - this.#outagesMs >= OUTAGES_MS) {
          await this.#fetchOutages();
        }
        inTime = after(clock, SILENT_MS, end);
      }
    } catch (error) {
      if (!over.signal.aborted) {
        throw error instanceof PerchError ? error : new PerchError('unavailable', explain(error), { box }, error);
      }
    } finally {
      inTime?.();
      over.abort();
      this.#stop.signal.removeEventListener('abort', end);
    }
  }

  async #takeSent(type: string, data: string): Promise<void> {
    if (type === 'gap') {
      await this.#fetch(this.#mark?.atMs);
      return;
    }
    const event = type === 'event' ? valid(data) : undefined;
    if (event && this.#isOfCamera(event)) {
      await this.#deps.take(event, false);
    }
  }

  #note(id: string | undefined): void {
    if (id !== undefined && /^[\w-]{1,64}$/.test(id)) {
      this.#mark = { id, atMs: Math.round(this.#deps.clock.wallMs()) };
      this.#deps.noteMark(this.#mark);
    }
  }

  async #fetchMissed(): Promise<void> {
    const added = [...this.#isNew];
    if (!this.#mark) {
      await this.#fetch(undefined);
    } else {
      for (const path of added) {
        await this.#fetch(undefined, path);
      }
    }
    for (const path of added) {
      this.#isNew.delete(path);
    }
  }

  /**
   * Fetches the outages since the last successful request, and those that were ongoing then. The first time, and after
   * a camera was added, it fetches those of the last month.
   */
  async #fetchOutages(): Promise<void> {
    const { clock, takeOutage, isShown } = this.#deps;
    const { signal: renewed } = this.#renew;
    const nowMs = clock.wallMs();
    const knownMs = this.#knownUntilMs;
    const sinceMs = knownMs === undefined ? undefined : Math.min(nowMs, knownMs, this.#ongoingMs);
    let ongoingMs = Number.POSITIVE_INFINITY;
    this.#outagesMs = clock.monoMs();
    await this.#list(sinceMs, { types: OUTAGE }, async (event) => {
      if (event.type === OUTAGE && isShown(event.path)) {
        if (event.endUs === undefined) {
          ongoingMs = Math.min(ongoingMs, event.startUs / 1000);
        }
        await takeOutage(event);
      }
    });
    // If cameras were added meanwhile, their earlier outages are still missing.
    if (!renewed.aborted) {
      this.#knownUntilMs = nowMs;
      this.#ongoingMs = ongoingMs;
    }
  }

  /** Fetches events from the box's list. @param sinceMs undefined for the last month @param path undefined for all cameras */
  #fetch(sinceMs: number | undefined, path?: string): Promise<void> {
    return this.#list(sinceMs, path === undefined ? {} : { path }, async (event) => {
      if (this.#isOfCamera(event)) {
        await this.#deps.take(event, true);
      }
    });
  }

  /** Passes the listed events to `take`, newest first. */
  async #list(
    sinceMs: number | undefined,
    wanted: Readonly<Record<string, string>>,
    take: (event: BoxEvent) => Promise<void>,
  ): Promise<void> {
    const { box, requests, clock, log } = this.#deps;
    const nowMs = clock.wallMs();
    // The box's list covers no longer period.
    const fromMs = Math.max(sinceMs === undefined ? 0 : sinceMs - OVERLAP_MS, nowMs - 31 * 86_400_000);
    let before: string | null = null;
    let fetched = 0;
    do {
      const query = new URLSearchParams({
        from: new Date(fromMs).toISOString(),
        to: new Date(nowMs + OVERLAP_MS).toISOString(),
        limit: String(PAGE),
        ...wanted,
        ...(before === null ? {} : { before }),
      });
      const request = { path: '/v3/events/list', query, signal: this.#stop.signal };
      const { events, next } = await requests.json(box, request, 1 << 20, eventPageOf);
      for (const event of events) {
        await take(event);
      }
      before = next;
      fetched += PAGE;
    } while (before !== null && fetched < MAX_FETCHED && !this.#stop.signal.aborted);
    if (before !== null) {
      log.warn({ box, events: fetched }, 'older events of a box are not fetched');
    }
  }

  #isOfCamera(event: BoxEvent): boolean {
    return isOfCamera(event) && this.#deps.isShown(event.path);
  }
}

function valid(data: string): BoxEvent | undefined {
  try {
    return eventOf(JSON.parse(data));
  } catch {
    return undefined;
  }
}
