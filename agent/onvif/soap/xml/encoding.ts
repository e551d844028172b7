import { PerchError } from '../../../base/errors.ts';

/** A declaration is at the beginning, or nowhere. */
const DECLARATION_BYTES = 256;

/**
 * The text of an XML document, XML 1.0 appendix F: by byte order mark, else its first bytes, else its declaration, else the HTTP header,
 * else UTF-8. Invalid bytes become U+FFFD.
 * @throws PerchError badInput for an unknown encoding
 */
export function decodeText(bytes: Uint8Array, contentType?: string): string {
  const label = markOf(bytes) ?? declaredIn(bytes) ?? charsetOf(contentType) ?? 'utf-8';
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    throw new PerchError('badInput', `XML document in an unknown encoding: '${label.slice(0, 40)}'`);
  }
}

function markOf(bytes: Uint8Array): string | undefined {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) {
    return 'utf-8';
  }
  if ((a === 0xff && b === 0xfe) || (a === 0x3c && b === 0)) {
    return 'utf-16le';
  }
  return (a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c) ? 'utf-16be' : undefined;
}

function declaredIn(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, DECLARATION_BYTES));
  const [, label] = /^\s*<\?xml[^>]*?\bencoding\s*=\s*["']([^"']{1,40})["']/.exec(start) ?? [];
  return notWide(label);
}

function charsetOf(contentType: string | undefined): string | undefined {
  return notWide(/charset\s*=\s*"?([\w.:-]{1,40})/i.exec(contentType ?? '')?.[1]);
}

/** The text has one byte a character: some boards declare UTF-16 all the same. */
function notWide(label: string | undefined): string | undefined {
  return label !== undefined && /^(?:utf-?16|ucs-?2|iso-10646)/i.test(label) ? 'utf-8' : label;
}
