import { createHash } from 'node:crypto';
import Type from 'typebox';
import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import type { SubscriptionMemory } from '../../../onvif/events/event-subscription.ts';
import type { SubscriptionReference } from '../../../onvif/events/pull-point.ts';

/** More cameras than any installation has; the oldest are forgotten. */
const MAX_KEPT = 256;
/** Cameras that do not renew get a new subscription every minute: writes are combined. */
const WRITE_PAUSE_MS = 5_000;

const Text = Type.String({ maxLength: 8_000 });
const Stored = Type.Object({
  subscriptions: Type.Array(Type.Object({ camera: Text, address: Text, headers: Text }), { maxItems: MAX_KEPT }),
});

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

  /** A damaged file counts as empty: subscriptions expire. */
  async load(): Promise<void> {
    const stored = await this.#document.open('event subscriptions of the last run are unknown');
    for (const { camera, ...reference } of stored?.subscriptions ?? []) {
      this.#kept.set(camera, reference);
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
