import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { explain, PerchError } from '../../base/errors.ts';
import { signatureFileOf } from '../../record/signing/signature-file.ts';
import { parseSignatureBox, parseSignatures, type Signatures } from '../../record/signing/signatures.ts';
import { fingerprintOf } from '../../record/signing/signing-key.ts';
import { type MediaFile, openMedia } from './media-samples.ts';
import { type Fault, type Verification, type VerifiedSpan, verifyMedia } from './verify.ts';

/** Exit codes: everything is unchanged; something changed or is unsigned; nothing to verify; unchanged, but parts are missing. */
const VERIFY_CODES = { unchanged: 0, changed: 1, unknown: 2, cut: 3 } as const;
const KEY_BYTES = 32;
const MAX_NAMED_SPANS = 50;

interface VerifyOptions {
  readonly file: string;
  /** A `.sig` file, or an MP4 file with signatures. Default: those in the file, or next to it. */
  readonly signatures?: string | undefined;
  /** Fingerprint, or a file with the public key (PEM). */
  readonly key?: string | undefined;
}

/** Compares a recording or a part of one with its signatures. @returns exit code and text */
export async function verifyFile(options: VerifyOptions): Promise<{ readonly code: number; readonly lines: string[] }> {
  const { file, key } = options;
  try {
    const wanted = key === undefined ? undefined : await fingerprintIn(key);
    const media = await openMedia(file);
    try {
      const { sections, isWhole } = await signaturesFor(media, options);
      const found = await verifyMedia(media, sections, wanted);
      return { code: codeOf(found), lines: textOf(file, found, isWhole, wanted !== undefined) };
    } finally {
      await media.close();
    }
  } catch (error) {
    if (!(error instanceof PerchError) && (error as NodeJS.ErrnoException).code === undefined) {
      throw error;
    }
    return { code: VERIFY_CODES.unknown, lines: [`${plain(file)}: cannot be verified: ${plain(explain(error))}`] };
  }
}

async function signaturesFor(media: MediaFile, { file, signatures }: VerifyOptions): Promise<Signatures> {
  if (signatures !== undefined) {
    return readSignaturesOf(signatures);
  }
  if (media.signatures) {
    return parseSignatureBox(media.signatures);
  }
  if (existsSync(signatureFileOf(file))) {
    return parseSignatures(await readFile(signatureFileOf(file)));
  }
  const why = 'it has no signatures: a time-lapse has none, recordSign was off, or another program removed them';
  throw new PerchError('notFound', `${why} (--signatures names a .sig file, or the download before that)`);
}

async function readSignaturesOf(file: string): Promise<Signatures> {
  if (file.endsWith('.sig')) {
    return parseSignatures(await readFile(file));
  }
  const other = await openMedia(file);
  await other.close();
  if (!other.signatures) {
    throw new PerchError('notFound', `${file} has no signatures`);
  }
  return parseSignatureBox(other.signatures);
}

async function fingerprintIn(key: string): Promise<string> {
  const digits = key.replace(/[:\s]/g, '').toUpperCase();
  if (/^[0-9A-F]{64}$/.test(digits)) {
    return digits.replace(/..(?!$)/g, '$&:');
  }
  try {
    const found = createPublicKey(await readFile(key));
    if (found.asymmetricKeyType === 'ed25519') {
      return fingerprintOf(new Uint8Array(found.export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES)));
    }
  } catch (cause) {
    throw new PerchError(
      'badInput',
      `--key ${key} is no fingerprint (64 hexadecimal digits) and no PEM file`,
      {},
      cause,
    );
  }
  throw new PerchError('badInput', `--key ${key} is no Ed25519 key`);
}

function codeOf({ faultCount, cuts, spans }: Verification): number {
  if (faultCount > 0) {
    return VERIFY_CODES.changed;
  }
  return spans.length === 0 ? VERIFY_CODES.unknown : cuts.length > 0 ? VERIFY_CODES.cut : VERIFY_CODES.unchanged;
}

const VERDICTS: Readonly<Record<number, string>> = {
  [VERIFY_CODES.unchanged]: 'unchanged since it was signed',
  [VERIFY_CODES.changed]: 'NOT VERIFIED: parts of it were changed, or are not signed',
  [VERIFY_CODES.unknown]: 'cannot be verified: its signatures cover nothing',
  [VERIFY_CODES.cut]: 'what is there is unchanged since it was signed, parts between are missing',
};

function textOf(file: string, found: Verification, isWhole: boolean, isKeyKnown: boolean): string[] {
  const { spans, cuts, faults, faultCount, leftOut } = found;
  const lines = [`${plain(file)}: ${VERDICTS[codeOf(found)]}`];
  for (const fingerprint of new Set(spans.map((span) => span.fingerprint))) {
    lines.push(`key ${fingerprint}${isKeyKnown ? '' : ': compare it with the one of the box (perch signing-key)'}`);
  }
  lines.push(...named(spans.map(spanText)));
  lines.push(...named(cuts.map(({ fromUs, toUs }) => `missing: ${timeText(fromUs)} to ${timeText(toUs)}`)));
  if (leftOut.length > 0) {
    lines.push(`signed, but not in this file: ${leftOut.join(' and ')}`);
  }
  if (!isWhole) {
    lines.push('the signatures are cut short: what follows them cannot be verified');
  }
  lines.push(...faults.map(faultText));
  if (faultCount > faults.length) {
    lines.push(`and ${faultCount - faults.length} more`);
  }
  if (spans.length === 0 && faults.some(({ kind }) => kind === 'changed')) {
    lines.push(
      'nothing in it fits: the signatures may be those of another recording, or another program may have cut this part out of one (a downloaded part fits)',
    );
  }
  lines.push(
    'This states that pictures and sound are those which the box with this key signed at these times by its own clock.',
    'It does not state that its clock was right, what the camera sent, or when and how fast a player shows the pictures.',
  );
  return lines;
}

function spanText({
  path,
  fromUs,
  toUs,
  groups,
  samples,
  firstSignedUs,
  lastSignedUs,
  isClockSet,
}: VerifiedSpan): string {
  const clock = isClockSet ? '' : ', not by a set clock of the box';
  const signed = `signed ${timeText(firstSignedUs)} to ${timeText(lastSignedUs)}`;
  return `verified: ${plain(path)}, ${timeText(fromUs)} to ${timeText(toUs)}: ${groups} groups, ${samples} samples, ${signed}${clock}`;
}

function faultText({ kind, text, atUs, seconds }: Fault): string {
  const place = [
    ...(atUs === undefined ? [] : [`in the part of ${timeText(atUs)}`]),
    ...(seconds === undefined ? [] : [`${seconds.toFixed(3)} s into the file`]),
  ];
  return `${kind}: ${plain(text)}${place.length > 0 ? ` (${place.join(', ')})` : ''}`;
}

function named(lines: readonly string[]): string[] {
  const more = lines.length - MAX_NAMED_SPANS;
  return more > 0 ? [...lines.slice(0, MAX_NAMED_SPANS), `and ${more} more`] : [...lines];
}

function timeText(us: number): string {
  const ms = Math.round(us / 1000);
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'an impossible time';
}

/** Texts of the file must not control the terminal. */
const plain = (text: string): string => text.replace(/\p{C}/gu, '?');
