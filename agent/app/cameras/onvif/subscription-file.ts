import { createHash } from 'node:crypto';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { loadPrivate, savePrivate } from '../../../base/files/durable-file.ts';
import type { Logger } from '../../../base/log.ts';
import type { SubscriptionMemory } from '../../../onvif/events/event-subscription.ts';
import type { SubscriptionReference } from '../../../onvif/events/pull-point.ts';

/** More cameras than any installation has; the oldest are forgotten. */
const MAX_KEPT = 256;
/** Cameras that do not renew get a new subscription every minute: writes are combined. */
const WRITE_PAUSE_MS = 5_000;
const MAX_TEXT = 8_000;

interface Entry extends SubscriptionReference {
  readonly camera: string;
}

/**
 * Open subscriptions on the disk, to end those that a crash has left: cameras have few. Cameras are stored as digests, because their keys
 * contain passwords.
 */
export class SubscriptionFile {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #kept = new Map<string, SubscriptionReference>();
  readonly #closing = new AbortController();
  #writing: Promise<void> | undefined;
  #hasChanges = false;

  constructor(file: string, clock: Clock, log: Logger) {
    this.#file = file;
    this.#clock = clock;
    this.#log = log;
  }

  /** A damaged file counts as empty: subscriptions expire. */
  async load(): Promise<void> {
    try {
      for (const { camera, address, headers } of readEntries(await loadPrivate(this.#file))) {
        this.#kept.set(camera, { address, headers });
      }
    } catch (error) {
      this.#log.info({ file: this.#file, reason: explain(error) }, 'event subscriptions of the last run are unknown');
    }
  }

  /** @param key of the camera's link */
  of(key: string): SubscriptionMemory {
    const camera = createHash('sha256').update(key).digest('base64url');
    return {
      left: () => this.#kept.get(camera),
      keep: (reference) => {
        if (reference) {
          putBounded(this.#kept, camera, reference, MAX_KEPT);
        } else if (!this.#kept.delete(camera)) {
          return;
        }
        this.#hasChanges = true;
        this.#writing ??= this.#writeSoon();
      },
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  async #writeSoon(): Promise<void> {
    await this.#clock.sleep(WRITE_PAUSE_MS, this.#closing.signal);
    while (this.#hasChanges) {
      this.#hasChanges = false;
      const entries: Entry[] = [...this.#kept].map(([camera, { address, headers }]) => ({ camera, address, headers }));
      try {
        await savePrivate(this.#file, { subscriptions: entries });
      } catch (error) {
        this.#log.debug({ file: this.#file, reason: explain(error) }, 'saving event subscriptions failed');
      }
    }
    this.#writing = undefined;
  }
}

function readEntries(value: unknown): Entry[] {
  const list = (value as { subscriptions?: unknown } | undefined)?.subscriptions;
  return (Array.isArray(list) ? list : [])
    .slice(0, MAX_KEPT)
    .flatMap((entry: Partial<Record<keyof Entry, unknown>>) => {
      const { camera, address, headers } = entry ?? {};
      const isWhole = [camera, address, headers].every((text) => typeof text === 'string' && text.length < MAX_TEXT);
      return isWhole ? [{ camera, address, headers } as Entry] : [];
    });
}
