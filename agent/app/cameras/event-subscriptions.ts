import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { CLOCK_TOLERANCE_MS, setCameraClock } from '../../onvif/control/camera-clock.ts';
import type { OnvifSession } from '../../onvif/device/session.ts';
import { type ChannelUser, readChannels } from '../../onvif/events/channels.ts';
import { EventWatch } from '../../onvif/events/event-watch.ts';
import type { SightingType } from '../../onvif/events/topics.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { NewEvent } from '../../record/events/event-hub.ts';
import { type CameraLink, linkOf, openLink } from './grouping.ts';
import type { SubscriptionFile } from './subscription-file.ts';

/** Clocks drift by seconds in a day, and go back to 1970 when the power goes. */
const CLOCK_LOOK_MS = 3_600_000;

export interface WatchesOptions {
  readonly config: () => Config;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where events are told. */
  readonly events: { add(event: NewEvent): Promise<CameraEvent> };
  readonly memory: SubscriptionFile;
  /** No clock is set by one that may be wrong itself. */
  readonly isClockTrusted: () => boolean;
}

/** All paths that name one camera. */
interface Group {
  readonly link: CameraLink;
  readonly users: readonly ChannelUser[];
  readonly wantsEvents: boolean;
  readonly setsClock: boolean;
}

/** The clock of one camera. */
interface KeptClock {
  readonly log: Logger;
  /** That it cannot be set. */
  isTold: boolean;
}

interface Watched {
  readonly key: string;
  close(): Promise<void>;
}

/** Listens to every camera that the configuration names, once each, and keeps the clocks of those that are to be set. */
export class CameraWatches {
  readonly #options: WatchesOptions;
  /** By the camera's link. */
  readonly #watched = new Map<string, Watched>();
  /** Of those that are not wanted any more. */
  readonly #ending = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Brings it to what the configuration says. */
  apply(): void {
    const groups = this.#isClosed ? new Map<string, Group>() : groupsOf(this.#options.config());
    for (const [key, watched] of this.#watched) {
      const group = groups.get(key);
      if (!group || keyOf(group) !== watched.key) {
        this.#watched.delete(key);
        this.#end(key, watched);
      }
    }
    for (const [key, group] of groups) {
      if (!this.#watched.has(key) && (group.wantsEvents || group.setsClock)) {
        this.#watched.set(key, this.#watch(key, group));
      }
    }
  }

  /** Resolves when every camera knows that it is not listened to any more, or does not answer. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.apply();
    await Promise.all(this.#ending.values());
    await this.#options.memory.close();
  }

  #end(key: string, watched: Watched): void {
    const ended = Promise.all([this.#ending.get(key), watched.close()]).then(() => {
      if (this.#ending.get(key) === ended) {
        this.#ending.delete(key);
      }
    });
    this.#ending.set(key, ended);
  }

  #watch(key: string, group: Group): Watched {
    const { clock, log, memory } = this.#options;
    const { link, users } = group;
    const own = log.child({ path: users[0]?.path });
    const kept: KeptClock = { log: own, isTold: false };
    const stop = new AbortController();
    const before = this.#ending.get(key);
    const events = group.wantsEvents
      ? new EventWatch({
          open: async (signal) => {
            await before;
            const session = await openLink(link, clock, signal);
            if (group.setsClock) {
              await this.#keepClock(session, kept);
            }
            return session;
          },
          channels: (session) => readChannels(session, users),
          memory: memory.of(key),
          tell: (paths, type, isOn) => this.#tell(paths, type, isOn),
          ...{ clock, log: own },
        })
      : undefined;
    const clocks = group.setsClock ? this.#keepClocks(group, kept, stop.signal) : undefined;
    return {
      key: keyOf(group),
      close: async () => {
        stop.abort();
        await Promise.all([events?.close(), clocks]);
      },
    };
  }

  /** The main path hears of it, and each other that records what moves. */
  #tell(paths: readonly string[], type: SightingType, isOn: boolean | undefined): void {
    const { config, events, log } = this.#options;
    const [main, ...others] = paths;
    const recording = others.filter((path) => resolvePath(config(), path)?.settings?.record === 'motion');
    for (const path of main === undefined ? recording : [main, ...recording]) {
      const state = isOn === undefined ? {} : ({ state: isOn ? 'start' : 'end' } as const);
      events.add({ path, type, source: 'camera', ...state }).catch((error: unknown) => {
        // The end of one that was too long has been told already.
        log.debug({ path, type, reason: explain(error) }, 'an event of a camera was not taken');
      });
    }
  }

  async #keepClocks({ link, wantsEvents }: Group, kept: KeptClock, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (wantsEvents) {
      // Whoever listens to it looks first.
      await clock.sleep(CLOCK_LOOK_MS, signal);
    }
    while (!signal.aborted) {
      try {
        await this.#keepClock(await openLink(link, clock, signal), kept);
      } catch (error) {
        const isBug = !(error instanceof PerchError);
        kept.log[isBug ? 'error' : 'debug'](
          isBug ? { err: error } : { reason: explain(error) },
          'the clock of the camera was not looked at',
        );
      }
      await clock.sleep(CLOCK_LOOK_MS, signal);
    }
  }

  async #keepClock(session: OnvifSession, kept: KeptClock): Promise<void> {
    const { clock, isClockTrusted } = this.#options;
    if (!isClockTrusted() || Math.abs(session.skewMs) <= CLOCK_TOLERANCE_MS) {
      return;
    }
    const wasOffMs = session.skewMs;
    try {
      const { skewMs } = await setCameraClock(session, clock);
      kept.isTold = false;
      kept.log.info({ wasOffMs, skewMs }, "the camera's clock was set");
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      kept.log[kept.isTold ? 'debug' : 'info'](
        { wasOffMs, reason: explain(error) },
        "the camera's clock could not be set",
      );
      kept.isTold = true;
    }
  }
}

/** Those that record come first: theirs are the main streams. Paths that a pattern stands for are nobody until they are used. */
function groupsOf(config: Config): Map<string, Group> {
  const groups = new Map<string, Group>();
  const all = [...config.paths].filter(([, entry]) => !entry.pattern);
  const records = ([, { settings }]: (typeof all)[number]) =>
    Number(settings !== undefined && settings.record !== 'no');
  for (const [path, { settings }] of all.sort((one, other) => records(other) - records(one))) {
    const link = settings && linkOf(settings);
    if (!link) {
      continue;
    }
    const known = groups.get(link.key);
    const { events = true, setClock = false, profile } = link.settings;
    groups.set(link.key, {
      link: known?.link ?? link,
      users: [...(known?.users ?? []), ...(events ? [{ path, profile }] : [])],
      wantsEvents: events || (known?.wantsEvents ?? false),
      setsClock: setClock || (known?.setsClock ?? false),
    });
  }
  return groups;
}

const keyOf = ({ link, users, wantsEvents, setsClock }: Group): string =>
  JSON.stringify([link.settings.serial, link.settings.endpoint, users, wantsEvents, setsClock]);
