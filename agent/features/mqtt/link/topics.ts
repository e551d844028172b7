import { createHash } from 'node:crypto';

/** States of a camera that are on or off, by their topic, and the types of events that switch them on. */
export const STATES = {
  motion: ['motion', 'animal'],
  person: ['person'],
  vehicle: ['vehicle'],
  contact: ['input', 'contact'],
  tampering: ['tamper', 'tampering'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type StateName = keyof typeof STATES;
export const STATE_NAMES = Object.keys(STATES) as StateName[];

/** Event types of a doorbell; some makers call it a visitor. */
export const DOORBELL: readonly string[] = ['doorbell', 'visitor'];

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

  ofCamera(path: string, what: StateName | 'online' | 'recording' | 'doorbell' | 'picture'): string {
    return `${this.#prefix}/cameras/${path}/${what}`;
  }

  /** The retained topics of a camera. */
  statesOfCamera(path: string): string[] {
    return (['online', 'recording', ...STATE_NAMES] as const).map((what) => this.ofCamera(path, what));
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
