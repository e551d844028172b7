/** Name of the file in the data folder. */
export const MQTT_FILE = 'mqtt.json';

export interface Retained {
  /** Id by which this box is known at every broker. */
  readonly id: string;
  /** Discovery topics that are retained at the broker. */
  readonly announced: readonly string[];
  /** Paths of the cameras whose states are retained at the broker, by prefix. */
  readonly published: Readonly<Record<string, readonly string[]>>;
}

/** Undefined if the stored value is damaged. */
export function readRetained(stored: unknown): Retained | undefined {
  const { id, announced, published = {} } = (stored ?? {}) as Partial<Retained>;
  const isWhole =
    typeof id === 'string' &&
    /^[0-9a-f]{12}$/.test(id) &&
    isTexts(announced) &&
    announced.every((topic) => topic.startsWith('homeassistant/')) &&
    typeof published === 'object' &&
    published !== null &&
    Object.values(published).every(isTexts);
  return isWhole ? { id, announced, published } : undefined;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');
