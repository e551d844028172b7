import { PerchError } from '../../base/errors.ts';

/** AMF 0 Specification §2.1. */
const MARKER = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  xml: 15,
  typedObject: 16,
} as const;

/** Objects within objects. Metadata of encoders have two levels. */
const MAX_DEPTH = 8;
/** Values and properties of one message. */
const MAX_VALUES = 2_000;

export type AmfValue = number | boolean | string | null | undefined | AmfObject | readonly AmfValue[];
/** Also an ECMA array. */
export type AmfObject = ReadonlyMap<string, AmfValue>;

/** The values of a message, `data[start, end)`. @throws PerchError */
export function readAmf0(data: Uint8Array, start: number, end: number): AmfValue[] {
  const reader = new Amf0Reader(data, start, end);
  const values: AmfValue[] = [];
  while (!reader.isAtEnd) {
    values.push(reader.value(0));
  }
  return values;
}

class Amf0Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #left = MAX_VALUES;

  constructor(data: Uint8Array, start: number, end: number) {
    this.#bytes = Buffer.from(data.buffer, data.byteOffset + start, end - start);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  value(depth: number): AmfValue {
    this.#left -= 1;
    if (this.#left < 0 || depth > MAX_DEPTH) {
      const message = `AMF with more than ${MAX_VALUES} values or ${MAX_DEPTH} levels`;
      throw new PerchError('badInput', message);
    }
    const marker = this.#bytes[this.#take(1)] as number;
    switch (marker) {
      case MARKER.number:
        return this.#bytes.readDoubleBE(this.#take(8));
      case MARKER.boolean:
        return this.#bytes[this.#take(1)] !== 0;
      case MARKER.string:
        return this.#text(this.#bytes.readUInt16BE(this.#take(2)));
      case MARKER.longString:
      case MARKER.xml:
        return this.#text(this.#bytes.readUInt32BE(this.#take(4)));
      case MARKER.null:
        return null;
      case MARKER.undefined:
        return undefined;
      case MARKER.date: {
        const unixMs = this.#bytes.readDoubleBE(this.#take(8));
        this.#take(2); // time zone, reserved
        return unixMs;
      }
      case MARKER.typedObject:
        this.#text(this.#bytes.readUInt16BE(this.#take(2))); // class name
        return this.#object(depth);
      case MARKER.object:
        return this.#object(depth);
      case MARKER.ecmaArray:
        this.#take(4); // a count that some encoders get wrong
        return this.#object(depth);
      case MARKER.strictArray:
        return this.#array(this.#bytes.readUInt32BE(this.#take(4)), depth);
      default:
        throw new PerchError('unsupported', `AMF0 value of type ${marker}`);
    }
  }

  #object(depth: number): AmfObject {
    const object = new Map<string, AmfValue>();
    for (;;) {
      // Some encoders leave the end of the last object out.
      if (this.isAtEnd) {
        return object;
      }
      const name = this.#text(this.#bytes.readUInt16BE(this.#take(2)));
      if (name === '' && this.#bytes[this.#at] === MARKER.objectEnd) {
        this.#at += 1;
        return object;
      }
      object.set(name, this.value(depth + 1));
    }
  }

  #array(count: number, depth: number): readonly AmfValue[] {
    const values: AmfValue[] = [];
    for (let i = 0; i < count; i += 1) {
      values.push(this.value(depth + 1));
    }
    return values;
  }

  #text(bytes: number): string {
    const start = this.#take(bytes);
    return this.#bytes.toString('utf8', start, start + bytes);
  }

  /** @returns the offset of the next `bytes` */
  #take(bytes: number): number {
    const start = this.#at;
    if (bytes > this.#bytes.length - start) {
      const left = this.#bytes.length - start;
      throw new PerchError('badInput', `AMF value of ${bytes} bytes with ${left} left`);
    }
    this.#at += bytes;
    return start;
  }
}

/** What Perch writes. A record is an object, `ecmaArray` an ECMA array. */
export type AmfInput =
  | number
  | boolean
  | string
  | null
  | readonly AmfInput[]
  | { readonly [name: string]: AmfInput }
  | EcmaArray;

class EcmaArray {
  readonly fields: { readonly [name: string]: AmfInput };

  constructor(fields: { readonly [name: string]: AmfInput }) {
    this.fields = fields;
  }
}

export const ecmaArray = (fields: { readonly [name: string]: AmfInput }): AmfInput => new EcmaArray(fields);

/** Encodes the values one after another. */
export function writeAmf0(...values: readonly AmfInput[]): Buffer {
  return Buffer.concat(values.map(write));
}

function write(value: AmfInput): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'boolean') {
    return Buffer.of(MARKER.boolean, value ? 1 : 0);
  }
  if (typeof value === 'string') {
    return Buffer.concat([Buffer.of(MARKER.string), name(value)]);
  }
  if (value === null) {
    return Buffer.of(MARKER.null);
  }
  if (value instanceof EcmaArray) {
    const entries = Object.entries(value.fields);
    return Buffer.concat([Buffer.of(MARKER.ecmaArray), u32(entries.length), ...properties(entries)]);
  }
  if (isList(value)) {
    return Buffer.concat([Buffer.of(MARKER.strictArray), u32(value.length), ...value.map(write)]);
  }
  return Buffer.concat([Buffer.of(MARKER.object), ...properties(Object.entries(value))]);
}

const isList = (value: AmfInput): value is readonly AmfInput[] => Array.isArray(value);

const properties = (entries: readonly (readonly [string, AmfInput])[]): Buffer[] => [
  ...entries.flatMap(([key, value]) => [name(key), write(value)]),
  Buffer.of(0, 0, MARKER.objectEnd),
];

/** A text after its length in 16 bits; longer texts are cut. */
function name(text: string): Buffer {
  const utf8 = Buffer.from(text).subarray(0, 0xffff);
  return Buffer.concat([Buffer.of(utf8.length >> 8, utf8.length & 0xff), utf8]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
