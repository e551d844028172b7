import { createHash } from 'node:crypto';
import { eventKinds, type KindRow } from '../../../base/event-kinds.ts';

/** Home Assistant's binary sensors of a camera, by the last element of their topic. */
export const SENSORS: NonNullable<KindRow['sensors']> = Object.assign(
  {},
  ...eventKinds.map(([, { sensors }]) => sensors),
);
export const SENSOR_NAMES = Object.keys(SENSORS);

export const HOME_ASSISTANT_STATUS = 'homeassistant/status';

const COMMANDS = ['recording', 'preset', 'clip'] as const;
type CommandName = (typeof COMMANDS)[number];

export interface Command {
  readonly path: string;
  readonly command: CommandName;
}

/** Topics below the prefix. Paths keep their slashes. */
export class Topics {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Topic of `online` or `offline`: whether this box is connected to the broker. */
  get status(): string {
    return `${this.#prefix}/status`;
  }

  get events(): string {
    return `${this.#prefix}/events`;
  }

  get device(): string {
    return `${this.#prefix}/device`;
  }

  get update(): string {
    return `${this.#prefix}/device/update`;
  }

  ofCamera(path: string, what: string): string {
    return `${this.#prefix}/cameras/${path}/${what}`;
  }

  /** The retained topics of a camera. */
  statesOfCamera(path: string): string[] {
    return ['online', 'recording', ...SENSOR_NAMES].map((what) => this.ofCamera(path, what));
  }

  command(path: string, command: CommandName): string {
    return `${this.#prefix}/set/${path}/${command}`;
  }

  get allCommands(): string {
    return `${this.#prefix}/set/#`;
  }

  /** Undefined for other topics. */
  commandOf(topic: string): Command | undefined {
    const start = `${this.#prefix}/set/`;
    const end = topic.lastIndexOf('/');
    const command = COMMANDS.find((one) => one === topic.slice(end + 1));
    return command && topic.startsWith(start) && end > start.length
      ? { path: topic.slice(start.length, end), command }
      : undefined;
  }
}

const HASH_CHARS = 8;

/** An object id in characters that Home Assistant accepts; different names have different ids. */
export function objectIdOf(name: string): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9_-]/g, '_');
  return plain === name ? name : `${plain}_${createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARS)}`;
}

const DISCOVERY = 'homeassistant/';
export const discoveryTopic = (objectId: string): string => `${DISCOVERY}device/${objectId}/config`;
export const isDiscovery = (topic: string): boolean => topic.startsWith(DISCOVERY);
