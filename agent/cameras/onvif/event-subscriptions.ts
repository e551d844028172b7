import { randomUUID } from 'node:crypto';
import { explain, ignoreExpected, PerchError } from '../../base/errors.ts';
import type { EventKind } from '../../base/event-kinds.ts';
import type { Logger } from '../../base/log.ts';
import type { Context } from '../../config/load/context.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import { CLOCK_TOLERANCE_MS, readCameraClock, setCameraClock, setCameraNtp } from '../../onvif/control/camera-clock.ts';
import type { OnvifSession } from '../../onvif/device/onvif-session.ts';
import { type ChannelUser, readChannels } from '../../onvif/events/channels.ts';
import type { UnknownTopic } from '../../onvif/events/detections.ts';
import { EventSubscription } from '../../onvif/events/event-subscription.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { NewEvent } from '../../record/events/event-hub.ts';
import { linkOf, linkOfPath, type OnvifLink, openOnvifSession } from './onvif-link.ts';
import type { SubscriptionFile } from './subscription-file.ts';

/** Clocks drift by seconds a day, and fall back to 1970 at a power cut. */
const CLOCK_CHECK_MS = 3_600_000;
/** Kinds that a turning camera reports of itself. */
const TURNING_KINDS: readonly EventKind[] = ['motion', 'tamper'];
/** Cameras report the end of motion some seconds late: what they still report so long after a turn is not that of the turn. */
const AFTER_TURN_MS = 5_000;

export interface EventSubscriptionsOptions extends Pick<Context, 'clock' | 'log'> {
  readonly config: () => Config;
  readonly events: { add(event: NewEvent): Promise<CameraEvent> };
  /** Something else reports such events of the path. */
  readonly isReplaced: (path: string, kind: EventKind) => boolean;
  /** Perch turns the camera of the path by itself. */
  isTurning(path: string): boolean;
  /** The stream of the path is missing, which is reported already. */
  isMissing(path: string): boolean;
  readonly memory: SubscriptionFile;
  /** An untrusted clock does not set others. */
  readonly isClockTrusted: () => boolean;
  /** The box's address if the host is in the network for cameras, where it is the only time server. */
  readonly timeServerFor: (host: string) => string | undefined;
}

interface Group {
  readonly link: OnvifLink;
  readonly users: readonly ChannelUser[];
  readonly wantsEvents: boolean;
  readonly setsClock: boolean;
}

/** A detection that has begun while Perch turned its camera. */
interface Withheld {
  readonly paths: readonly string[];
  readonly type: EventKind;
  readonly topic: string | undefined;
  /** Monotonic time since when the camera is not turned; undefined: it is. */
  restMs: number | undefined;
}

interface ClockState {
  readonly log: Logger;
  isFailureLogged: boolean;
}

interface RunningSubscription {
  readonly key: string;
  readonly events: EventSubscription | undefined;
  close(): Promise<void>;
}

/** Receives the events of every configured camera, with one subscription each, and keeps clocks set where configured. */
export class EventSubscriptions {
  readonly #options: EventSubscriptionsOptions;
  readonly #watched = new Map<string, RunningSubscription>();
  readonly #ending = new Map<string, Promise<void>>();
  /** By paths and kind. */
  readonly #withheld = new Map<string, Withheld>();
  #stopChecking: (() => void) | undefined;
  #isClosed = false;

  constructor(options: EventSubscriptionsOptions) {
    this.#options = options;
  }

  apply(): void {
    const groups = this.#isClosed ? new Map<string, Group>() : groupsOf(this.#options.config());
    for (const [key, watched] of this.#watched) {
      const group = groups.get(key);
      if (!group || groupKey(group) !== watched.key) {
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

  /** Topics of the camera of a path that no rule names. */
  unknownTopics(path: string): readonly UnknownTopic[] {
    const link = linkOfPath(this.#options.config(), path);
    return (link && this.#watched.get(link.key)?.events?.unknownTopics) ?? [];
  }

  /** Whether a relay of the camera of a path is on; undefined: the camera does not report it, or its events are not received. */
  isRelayOn(path: string, token: string): boolean | undefined {
    const link = linkOfPath(this.#options.config(), path);
    return link && this.#watched.get(link.key)?.events?.isRelayOn(token);
  }

  /** Resolves when every camera has been unsubscribed, or does not answer. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.apply();
    await Promise.all(this.#ending.values());
    await this.#options.memory.close();
  }

  #end(key: string, watched: RunningSubscription): void {
    const ended = Promise.all([this.#ending.get(key), watched.close()]).then(() => {
      if (this.#ending.get(key) === ended) {
        this.#ending.delete(key);
      }
    });
    this.#ending.set(key, ended);
  }

  #watch(key: string, group: Group): RunningSubscription {
    const { clock, log, memory } = this.#options;
    const { link, users } = group;
    const own = log.child({ path: users[0]?.path });
    const kept: ClockState = { log: own, isFailureLogged: false };
    const stop = new AbortController();
    const before = this.#ending.get(key);
    const events = group.wantsEvents
      ? new EventSubscription({
          open: async (signal) => {
            await before;
            const session = await openOnvifSession(link, clock, signal);
            if (group.setsClock) {
              await this.#keepClock(session, kept);
            }
            return session;
          },
          channels: (session) => readChannels(session, users),
          memory: memory.of(key),
          isMissing: () => users.every(({ path }) => this.#options.isMissing(path)),
          notify: (paths, type, isOn, topic) => this.#notify(paths, type, isOn, topic),
          clock,
          log: own,
        })
      : undefined;
    const clocks = group.setsClock ? this.#keepClocks(group, kept, stop.signal) : undefined;
    return {
      key: groupKey(group),
      events,
      close: async () => {
        stop.abort();
        await Promise.all([events?.close(), clocks]);
      },
    };
  }

  /** Reports a detection for the main path, and for other paths that record on motion. */
  #notify(paths: readonly string[], type: EventKind, isOn: boolean | undefined, topic: string | undefined): void {
    const { config, events, log, clock, isReplaced, isTurning } = this.#options;
    const [main, ...others] = paths;
    if (TURNING_KINDS.includes(type)) {
      const wasWithheld = this.#admit(withheldKey({ paths, type }));
      if (isOn === false && wasWithheld) {
        return;
      }
      if (isOn !== false && main !== undefined && isTurning(main)) {
        // A moment is over with the turn.
        if (isOn) {
          this.#withhold({ paths, type, topic, restMs: undefined });
        }
        return;
      }
    }
    const recording = others.filter((path) => resolvePath(config(), path)?.settings?.record === 'motion');
    // The paths share the event, which is labelled in all of them.
    const begun = { id: randomUUID(), startUs: Math.round(clock.wallMs() * 1000) };
    const state = isOn === false ? { state: 'end' as const } : { ...begun, ...(isOn && { state: 'start' as const }) };
    for (const path of main === undefined ? recording : [main, ...recording]) {
      if (isReplaced(path, type)) {
        continue;
      }
      events.add({ path, type, source: 'camera', text: topic, ...state }).catch((error: unknown) => {
        // The end of an event that was too long has been reported already.
        log.debug({ path, type, reason: explain(error) }, 'event of a camera rejected');
      });
    }
  }

  #withhold(detection: Withheld): void {
    this.#withheld.set(withheldKey(detection), detection);
    this.#stopChecking ??= this.#options.clock.eachSecond(() => this.#checkWithheld());
  }

  /** @returns whether it was withheld */
  #admit(key: string): boolean {
    const wasWithheld = this.#withheld.delete(key);
    if (this.#withheld.size === 0) {
      this.#stopChecking?.();
      this.#stopChecking = undefined;
    }
    return wasWithheld;
  }

  /** Motion that continues after the turn becomes an event. */
  #checkWithheld(): void {
    const { clock, isTurning } = this.#options;
    const nowMs = clock.monoMs();
    for (const detection of [...this.#withheld.values()]) {
      const { paths, type, topic, restMs = nowMs } = detection;
      detection.restMs = paths[0] !== undefined && isTurning(paths[0]) ? undefined : restMs;
      if (detection.restMs !== undefined && nowMs - detection.restMs >= AFTER_TURN_MS) {
        this.#notify(paths, type, true, topic);
      }
    }
  }

  async #keepClocks({ link, wantsEvents }: Group, kept: ClockState, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (wantsEvents) {
      // The event subscription checks the clock first.
      await clock.sleep(CLOCK_CHECK_MS, signal);
    }
    while (!signal.aborted) {
      try {
        await this.#keepClock(await openOnvifSession(link, clock, signal), kept);
      } catch (error) {
        const isBug = !(error instanceof PerchError);
        kept.log[isBug ? 'error' : 'debug'](
          isBug ? { err: error } : { reason: explain(error) },
          'checking the clock of a camera failed',
        );
      }
      await clock.sleep(CLOCK_CHECK_MS, signal);
    }
  }

  async #keepClock(session: OnvifSession, kept: ClockState): Promise<void> {
    const { clock, isClockTrusted, timeServerFor } = this.#options;
    if (!isClockTrusted()) {
      return;
    }
    const wasOffMs = session.skewMs;
    const ntpServer = timeServerFor(session.host);
    try {
      if (Math.abs(wasOffMs) > CLOCK_TOLERANCE_MS) {
        const { skewMs } = await setCameraClock(session, clock);
        kept.log.info({ wasOffMs, skewMs }, 'clock of a camera set');
      }
      if (ntpServer !== undefined) {
        await setTimeServer(session, ntpServer, kept.log);
      }
      kept.isFailureLogged = false;
    } catch (error) {
      ignoreExpected(error);
      kept.log[kept.isFailureLogged ? 'debug' : 'info'](
        { wasOffMs, ntpServer, reason: explain(error) },
        'setting the clock of a camera failed',
      );
      kept.isFailureLogged = true;
    }
  }
}

const withheldKey = ({ paths, type }: Pick<Withheld, 'paths' | 'type'>): string => JSON.stringify([paths, type]);

/** Unless the camera has it already. */
async function setTimeServer(session: OnvifSession, ntpServer: string, log: Logger): Promise<void> {
  const before = await readCameraClock(session);
  if (before.source !== 'NTP' || before.ntpServer !== ntpServer) {
    await setCameraNtp(session, ntpServer);
    log.info({ ntpServer, before: before.ntpServer }, 'time server of a camera set');
  }
}

/** Groups paths by camera, recording ones first: theirs are the main streams. Patterns do not count until used. */
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

const groupKey = ({ link, users, wantsEvents, setsClock }: Group): string =>
  JSON.stringify([link.settings.serial, link.settings.endpoint, users, wantsEvents, setsClock]);
