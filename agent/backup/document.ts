import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import Type, { type Static } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { PerchError } from '../base/errors.ts';
import { checkParts } from './parts.ts';

/** Maximum size of the file. */
const MAX_BYTES = 4 << 20;
/** Maximum unpacked size: fits the largest configuration and all protected recordings. A small file can unpack to gigabytes. */
const MAX_UNPACKED_BYTES = 8 << 20;
const VERSION = 1;
const SHOWN_CHARS = 64;

const Member = Type.Object({ name: Type.String(), text: Type.String() }, { additionalProperties: false });
const Document = Type.Object(
  {
    format: Type.Literal('perch-backup'),
    version: Type.Literal(VERSION),
    /** Time of the backup (RFC 3339). */
    made: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]{8,12}Z$' }),
    /** Version of Perch. */
    by: Type.String({ maxLength: 64 }),
    host: Type.String({ maxLength: 255 }),
    /** Version of the configuration's format; absent: 1. */
    configForm: Type.Optional(Type.Integer({ minimum: 2 })),
    members: Type.Array(Member),
  },
  { additionalProperties: false },
);

/** A file of the data folder. */
export type Member = Static<typeof Member>;

export interface Backup extends Omit<Static<typeof Document>, 'format' | 'version' | 'members'> {
  readonly members: readonly Member[];
}

const pack = promisify(gzip);
const unpack = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(gunzip);

/**
 * Writes a backup: gzip (RFC 1952, whose CRC-32 detects damage) of a JSON document.
 * @throws PerchError exhausted if it is too large to restore
 */
export async function writeBackup(backup: Backup): Promise<Buffer> {
  const text = JSON.stringify({ format: 'perch-backup', version: VERSION, ...backup });
  const bytes = await pack(text);
  if (bytes.length > MAX_BYTES || Buffer.byteLength(text) > MAX_UNPACKED_BYTES) {
    const limits = `the limits are ${MAX_BYTES} and ${MAX_UNPACKED_BYTES}`;
    const has = `${bytes.length} bytes, unpacked ${Buffer.byteLength(text)}`;
    throw new PerchError('exhausted', `the backup would have ${has}: ${limits}`);
  }
  return bytes;
}

/** @param names permitted member names @throws PerchError badInput with the reason */
export async function readBackup(bytes: Uint8Array, names: ReadonlySet<string>): Promise<Backup> {
  if (bytes.length === 0) {
    throw damaged('the backup is empty');
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    throw noBackup();
  }
  const json = parse(await unpacked(bytes));
  const { format, version } = (json ?? {}) as { readonly format?: unknown; readonly version?: unknown };
  if (format !== 'perch-backup') {
    throw noBackup();
  }
  if (version !== VERSION) {
    const shown = JSON.stringify(version)?.slice(0, SHOWN_CHARS);
    const why = typeof version === 'number' && version > VERSION ? 'laterVersion' : 'damaged';
    throw new PerchError('badInput', `the backup has version ${shown}, this Perch reads version ${VERSION}`, { why });
  }
  if (!Check(Document, json)) {
    const [first] = Errors(Document, json);
    throw damaged(`the backup is damaged: ${first?.instancePath ?? ''} ${first?.message ?? ''}`);
  }
  checkNames(json.members, names);
  const { format: _, version: __, ...backup } = json;
  return backup;
}

const noBackup = (cause?: unknown): PerchError =>
  new PerchError('badInput', 'this is not a Perch backup', { why: 'noBackup' }, cause);
const damaged = (message: string, cause?: unknown): PerchError =>
  new PerchError('badInput', message, { why: 'damaged' }, cause);

async function unpacked(bytes: Uint8Array): Promise<Buffer> {
  try {
    return await unpack(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      const limit = `the limit is ${MAX_UNPACKED_BYTES >> 20} MiB`;
      throw new PerchError('badInput', `the contents of the backup are too large: ${limit}`, {}, cause);
    }
    const isCut = code === 'Z_BUF_ERROR';
    throw damaged(isCut ? 'the backup is cut off' : 'the backup is damaged', cause);
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // The members of the document are strings.
    checkParts(json, 100);
    return JSON.parse(json);
  } catch (cause) {
    // The upload may be any gzip file.
    throw noBackup(cause);
  }
}

/** Names become files of the data folder, so only known ones are permitted. */
function checkNames(members: readonly Member[], names: ReadonlySet<string>): void {
  const seen = new Set<string>();
  for (const { name } of members) {
    if (!names.has(name)) {
      throw damaged(`the backup has a member '${name.slice(0, SHOWN_CHARS)}', which is unknown`);
    }
    if (seen.has(name)) {
      throw damaged(`the backup has two members '${name}'`);
    }
    seen.add(name);
  }
}
