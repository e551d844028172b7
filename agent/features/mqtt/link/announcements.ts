import { randomBytes } from 'node:crypto';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import type { BrokerConnection } from './connection.ts';
import { Retained } from './retained-file.ts';
import { isDiscovery, Topics } from './topics.ts';

const ID_BYTES = 6;

/** Topics that are retained at the broker, stored in a file, so that those of cameras removed while Perch or the broker was off are cleared, too. */
export class Announcements {
  readonly id: string;
  readonly #document: StoredDocument<typeof Retained>;
  readonly #prefix: string;
  /** Retained messages by topic; a value is undefined if an earlier connection published the message, or it is being cleared. */
  readonly #announced = new Map<string, string | undefined>();
  readonly #clearing = new Set<string>();
  /** Paths of the cameras whose states may be retained, by prefix. */
  readonly #published: Map<string, Set<string>>;

  /** @param prefix of the topics; topics below a former prefix are cleared */
  static async open(file: string, prefix: string, log: Logger): Promise<Announcements> {
    const document = new StoredDocument(file, Retained, log);
    const stored = await document.open('list of MQTT announcements cannot be read');
    const announcements = new Announcements(document, prefix, stored);
    if (stored === undefined) {
      announcements.#save();
    }
    return announcements;
  }

  private constructor(document: StoredDocument<typeof Retained>, prefix: string, stored: Retained | undefined) {
    this.#document = document;
    this.#prefix = prefix;
    this.id = stored?.id ?? randomBytes(ID_BYTES).toString('hex');
    this.#published = new Map(
      Object.entries(stored?.published ?? {}).map(([former, paths]) => [former, new Set(paths)] as const),
    );
    for (const topic of stored?.announced ?? []) {
      this.#announced.set(topic, undefined);
    }
    for (const [former, paths] of this.#published) {
      for (const topic of topicsOf(former, paths, former !== prefix)) {
        this.#announced.set(topic, undefined);
      }
    }
  }

  /** Makes the next `announce` publish all messages again. */
  forget(): void {
    this.#clearing.clear();
    for (const topic of this.#announced.keys()) {
      this.#announced.set(topic, undefined);
    }
  }

  /**
   * Publishes what has changed, and clears topics that are not wanted.
   * @param wanted retained messages by topic
   * @param paths of the cameras whose states are among them
   */
  announce(
    wanted: ReadonlyMap<string, string>,
    paths: readonly string[],
    connection: Pick<BrokerConnection, 'send' | 'deliver'>,
  ): void {
    const published = this.#published.get(this.#prefix) ?? new Set<string>();
    let isChanged = !this.#published.has(this.#prefix) || paths.some((path) => !published.has(path));
    this.#published.set(this.#prefix, new Set([...published, ...paths]));
    for (const topic of this.#announced.keys()) {
      if (!wanted.has(topic)) {
        this.#clear(topic, connection);
      }
    }
    for (const [topic, payload] of wanted) {
      isChanged ||= !this.#announced.has(topic);
      if (this.#announced.get(topic) !== payload) {
        connection.send(topic, payload, { isRetained: true });
        this.#announced.set(topic, payload);
        this.#clearing.delete(topic);
      }
    }
    if (isChanged) {
      this.#save();
    }
  }

  async close(): Promise<void> {
    await this.#document.close();
  }

  /** The topic is forgotten when the broker has confirmed it; until then each connection clears it. */
  #clear(topic: string, connection: Pick<BrokerConnection, 'deliver'>): void {
    if (this.#clearing.has(topic)) {
      return;
    }
    this.#clearing.add(topic);
    this.#announced.set(topic, undefined);
    connection.deliver(topic, '', { isRetained: true }).then(
      () => {
        // If the topic is not in the set, it is wanted again.
        if (this.#clearing.delete(topic)) {
          this.#announced.delete(topic);
          this.#save();
        }
      },
      () => this.#clearing.delete(topic),
    );
  }

  #save(): void {
    void this.#document.trySave(() => {
      this.#forgetCleared();
      return {
        id: this.id,
        announced: [...this.#announced.keys()].filter(isDiscovery),
        published: Object.fromEntries([...this.#published].map(([prefix, paths]) => [prefix, [...paths]])),
      };
    }, 'list of MQTT announcements cannot be saved');
  }

  /** Forgets cameras and former prefixes that have no retained topic. */
  #forgetCleared(): void {
    for (const [prefix, paths] of this.#published) {
      for (const path of paths) {
        if (!topicsOf(prefix, [path], false).some((topic) => this.#announced.has(topic))) {
          paths.delete(path);
        }
      }
      const isFormer = prefix !== this.#prefix;
      if (isFormer && !topicsOf(prefix, paths, true).some((topic) => this.#announced.has(topic))) {
        this.#published.delete(prefix);
      }
    }
  }
}

function topicsOf(prefix: string, paths: Iterable<string>, hasDevice: boolean): string[] {
  const topics = new Topics(prefix);
  return [
    ...[...paths].flatMap((path) => topics.statesOfCamera(path)),
    ...(hasDevice ? [topics.status, topics.device, topics.update] : []),
  ];
}
