import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../../base/errors.ts';
import { repairXml } from './repair-xml.ts';

/** A declaration is at the beginning, or nowhere. */
const DECLARATION_BYTES = 256;
const DOCUMENT_TYPE = '<!DOCTYPE';
const SINGLE_BYTE_OR_UTF8 = /^(?:utf-?8|(?:us-)?ascii|latin-?\d|iso-?8859|windows-125|cp-?125)/i;

/**
 * The root element of a document from outside. SOAP forbids a DTD (SOAP 1.2 part 1 §5), so a document with one is rejected.
 * @param limitBytes a longer document is rejected unread
 * @param contentType of the HTTP reply
 */
export function readXml(bytes: Uint8Array, limitBytes: number, contentType?: string): XmlElement {
  requireSize(bytes, limitBytes);
  return parse(decodeText(bytes, labelOf(bytes, contentType)));
}

/** Like `readXml`; a document that is not well-formed is repaired (`repairXml`), and a wrong encoding recognized. */
export function readCameraXml(bytes: Uint8Array, limitBytes: number, contentType?: string): XmlElement {
  requireSize(bytes, limitBytes);
  const text = decodeCameraText(bytes, labelOf(bytes, contentType));
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof PerchError) || text.includes(DOCUMENT_TYPE)) {
      throw cause;
    }
    return parse(repairXml(text));
  }
}

function requireSize(bytes: Uint8Array, limitBytes: number): void {
  if (bytes.length > limitBytes) {
    throw new PerchError('badInput', `XML document of ${bytes.length} bytes, at most ${limitBytes} are read`);
  }
}

function parse(document: string): XmlElement {
  // Normalized here (XML 1.0 §2.11), because the parser copies the rest of the text for each line break.
  const text = withoutPadding(document).replace(/\r\n?/g, '\n');
  if (text.includes(DOCUMENT_TYPE)) {
    throw new PerchError('badInput', 'XML document with a document type, which SOAP forbids');
  }
  let root: XmlElement | null;
  try {
    root = parseXml(text).root;
  } catch (cause) {
    // Also for nesting too deep for the stack.
    const [reason] = cause instanceof Error ? cause.message.split('\n', 1) : [String(cause)];
    throw new PerchError('badInput', `not an XML document: ${reason}`);
  }
  if (!root) {
    throw new PerchError('badInput', 'XML document without an element');
  }
  return root;
}

/**
 * Some boards send a line break before the declaration, others a NUL after the end. Counted from both ends: a regular expression would
 * restart at each white space inside, which takes minutes for a megabyte.
 */
function withoutPadding(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isPadding(text.charCodeAt(start))) {
    start += 1;
  }
  while (end > start && isPadding(text.charCodeAt(end - 1))) {
    end -= 1;
  }
  return text.slice(start, end);
}

const isPadding = (code: number): boolean => code <= 0x20 || code === 0xfeff;

/**
 * The encoding of an XML document, XML 1.0 appendix F: by byte order mark, else its first bytes, else its declaration, else the HTTP header,
 * else UTF-8.
 */
const labelOf = (bytes: Uint8Array, contentType?: string): string =>
  markOf(bytes) ?? declaredIn(bytes) ?? charsetOf(contentType) ?? 'utf-8';

/** Invalid bytes become U+FFFD. @throws PerchError badInput for an unknown encoding */
function decodeText(bytes: Uint8Array, label: string): string {
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    throw new PerchError('badInput', `XML document in an unknown encoding: '${label.slice(0, 40)}'`);
  }
}

/**
 * Cameras declare UTF-8 and send Latin-1, or the other way round, or name an encoding that does not exist. Text that is valid UTF-8 is
 * hardly ever another single-byte encoding.
 */
function decodeCameraText(bytes: Uint8Array, label: string): string {
  if (!SINGLE_BYTE_OR_UTF8.test(label) && isKnownLabel(label)) {
    return decodeText(bytes, label);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const text = decodeText(bytes, 'utf-8');
    const isDamaged = /[\u0080-\ufffc]/.test(text);
    const isDeclared = isKnownLabel(label) && !/^utf-?8$/i.test(label);
    return isDeclared ? decodeText(bytes, label) : isDamaged ? text : decodeText(bytes, 'windows-1252');
  }
}

function isKnownLabel(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
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

/** Name of an element without the prefix, which every vendor chooses differently. */
export function localName(element: XmlElement): string {
  return element.name.slice(element.name.indexOf(':') + 1);
}

export function elements(parent: XmlElement | undefined, name?: string): XmlElement[] {
  return (parent?.children ?? []).filter(
    (node): node is XmlElement => node instanceof XmlElement && (name === undefined || localName(node) === name),
  );
}

/** Follows a path of local names, each time the first child. */
export function find(from: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  let at = from;
  for (const name of path) {
    at = elements(at, name)[0];
  }
  return at;
}

/** The trimmed text directly inside the element at the end of a path; undefined if absent or empty. */
export function findText(from: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  const element = find(from, ...path);
  let text = '';
  for (const node of element?.children ?? []) {
    if ('text' in node && !(node instanceof XmlElement)) {
      text += node.text;
    }
  }
  return text.trim() || undefined;
}

/** A camera's text made fit to show: one line without control or bidi characters, of limited length. */
export function plainLine(text: string | undefined): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it removes them
  const line = text?.replace(/[\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
  // Longer texts from a camera are cut.
  return line?.slice(0, 256).toWellFormed() || undefined;
}

/** Like `findText`, for a number, which may be written as a float. */
export function findNumber(from: XmlElement | undefined, ...path: readonly string[]): number | undefined {
  const text = findText(from, ...path);
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export function attributeOf(element: XmlElement | undefined, name: string): string | undefined {
  // Own properties only: an attribute may be called __proto__.
  return element && Object.hasOwn(element.attributes, name) ? plainLine(element.attributes[name]) : undefined;
}

/** Escapes to ASCII, so that a camera that assumes another encoding reads the same text. Drops what XML 1.0 §2.2 does not allow. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it removes them
  const allowed = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').toWellFormed();
  return allowed.replace(/[<>&"']|[^\x20-\x7e]/gu, (character) => `&#${character.codePointAt(0)};`);
}
