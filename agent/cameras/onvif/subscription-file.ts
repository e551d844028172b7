import { createHash } from 'node:crypto';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { explain } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';
import type { SubscriptionMemory } from '../../onvif/events/event-subscription.ts';
import type { SubscriptionReference } from '../../onvif/events/pull-point.ts';

/** More cameras than any installation has; the oldest are forgotten. */
const MAX_KEPT = 256;
/** Cameras that do not renew get a new subscription every minute: writes are combined. */
const WRITE_PAUSE_MS = 5_000;

const Text = Type.String({ maxLength: 8_000 });
const Entry = Type.Object({ camera: Text, address: Text, headers: Text });
const Stored = Type.Object({ subscriptions: Type.Array(Type.Unknown()) });

/**
 * Open subscriptions on the disk, to end those that a crash has left: cameras have few. Cameras are stored as digests, because their keys
 * contain passwords.
 */
export class SubscriptionFile {
  readonly #document: StoredDocument<typeof Stored>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #kept = new Map<string, SubscriptionReference>();
  readonly #closing = new AbortController();
  #writing: Promise<void> | undefined;
  #hasChanges = false;

  constructor(file: string, clock: Clock, log: Logger) {
    this.#document = new StoredDocument(file, Stored, log);
    this.#clock = clock;
    this.#log = log;
  }

  /** A damaged file counts as empty, and a damaged entry as none: subscriptions expire. */
  async load(): Promise<void> {
    const stored = await this.#document.open('event subscriptions of the last run are unknown');
    for (const entry of stored?.subscriptions.slice(0, MAX_KEPT) ?? []) {
      if (Check(Entry, entry)) {
        this.#kept.set(entry.camera, { address: entry.address, headers: entry.headers });
      }
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
      const subscriptions = [...this.#kept].map(([camera, { address, headers }]) => ({ camera, address, headers }));
      await this.#document
        .save(() => ({ subscriptions }))
        .catch((error: unknown) => this.#log.debug({ cause: explain(error) }, 'saving event subscriptions failed'));
    }
    this.#writing = undefined;
  }
}
