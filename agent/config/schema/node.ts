import type { TSchema } from 'typebox';
import { parseDuration } from '../values/duration.ts';
import { parseSize } from '../values/size.ts';

/** The keywords of a schema that the reader uses; those from `unit` on are Perch's. */
export interface SchemaNode extends TSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly unit?: 'Ms' | 'Bytes';
  readonly syntax?: string;
  readonly secret?: boolean;
  /** With `secret`: the key with the address that it is sent to. A secret that a request leaves out is not sent to another server. */
  readonly keptFor?: string;
  /** Sets access rights, sends passwords or recordings elsewhere, or writes all packets: only the owner changes it. */
  readonly isRight?: true;
  /** A key of a path that is read when it is used: a change restarts neither the path nor its recorder. */
  readonly isLive?: true;
  /** What the value names, if only the owner may name any: a file or folder of the box, or web sites that may read its answers. */
  readonly names?: 'file' | 'folder' | 'keyFile' | 'origins';
  /** Values for yes and no, in an enumeration that was a switch or has the value `no`. */
  readonly words?: Readonly<Record<'yes' | 'no', string>>;
  /** With `words`: these two values are true and false in the control API, as older clients expect. */
  readonly isSwitch?: boolean;
}

/** TypeBox's types do not have a schema's keywords. */
export const asNode = (schema: TSchema): SchemaNode => schema;

/** Parsers of quantities, by `unit`. */
export const QUANTITIES = { Ms: parseDuration, Bytes: parseSize } as const;

/** The name of a key's value in the program: with its unit. */
export const resolvedName = (name: string, schema: SchemaNode): string => `${name}${schema.unit ?? ''}`;

/** Every default of an object schema, resolved. */
export function defaultsOf(schema: SchemaNode): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined) {
      const value = property.unit ? QUANTITIES[property.unit](String(property.default)) : property.default;
      values[resolvedName(name, property)] = value;
    }
  }
  return values;
}
