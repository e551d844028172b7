import { randomBytes } from 'node:crypto';
import { PerchError } from '../../../../base/errors.ts';

/** Values of the placeholders, by name. */
export type TemplateValues = Readonly<Record<PlaceholderName, string>>;
const NAMES = [
  ...(['camera', 'path', 'kind', 'text', 'time', 'localTime', 'unix', 'link', 'id', 'picture', 'secret'] as const),
];
type PlaceholderName = (typeof NAMES)[number];

/** `{camera}`, or `{picture?with|without}`: one of two texts. */
const PLACEHOLDER = /\{(\w+)(?:\?([^{}|]*)\|([^{}|]*))?\}/g;
const CRLF = '\r\n';

const isName = (name: string): name is PlaceholderName => NAMES.some((one) => one === name);

/** @throws PerchError badInput for an unknown placeholder */
export function checkPlaceholders(template: string): void {
  for (const [, name = ''] of template.matchAll(PLACEHOLDER)) {
    if (!isName(name)) {
      throw new PerchError('badInput', `unknown placeholder {${name.slice(0, 32)}}: there are ${NAMES.join(', ')}`);
    }
  }
}

/** @param encode encodes a value for the place where it stands */
export const fill = (template: string, values: TemplateValues, encode: (value: string) => string): string =>
  template.replace(PLACEHOLDER, (all: string, name: string, present?: string, absent?: string) => {
    if (!isName(name)) {
      return all;
    }
    return present === undefined ? encode(values[name].toWellFormed()) : ((values[name] ? present : absent) ?? '');
  });

/** Encodes a value within a JSON string (RFC 8259 §7). */
export const forJson = (value: string): string => JSON.stringify(value).slice(1, -1);
/** Encodes a path segment or a query value (RFC 3986 §3.3); a colon stays, because tokens may have one. */
export const forUrl = (value: string): string => encodeURIComponent(value).replaceAll('%3A', ':');
/** Encodes a header's value as UTF-8 bytes (RFC 9110 §5.5), in one line. */
export const forHeader = (value: string): string =>
  Buffer.from(Array.from(value, (char) => (char < ' ' || char === '\x7f' ? ' ' : char)).join(''), 'utf8').toString(
    'latin1',
  );
export const asIs = (value: string): string => value;

interface Field {
  readonly name: string;
  readonly value: string;
}

/** Fields of `name=value` lines; `\n` in a value means a line break. @throws PerchError badInput for a line without `=` */
function fieldsOf(body: string): readonly Field[] {
  return linesOf(body).map((line) => {
    const at = line.indexOf('=');
    if (at < 1) {
      throw new PerchError('badInput', `body: '${line.slice(0, 64)}' is not name=value`);
    }
    return { name: line.slice(0, at).trim(), value: line.slice(at + 1).replaceAll('\\n', '\n') };
  });
}

export const linesOf = (text: string): readonly string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

export interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

/** `application/x-www-form-urlencoded`. */
export const formBody = (body: string, values: TemplateValues): Body => ({
  type: 'application/x-www-form-urlencoded',
  bytes: Buffer.from(
    new URLSearchParams(fieldsOf(body).map(({ name, value }) => [name, fill(value, values, asIs)])).toString(),
  ),
});

/** `multipart/form-data` (RFC 7578). A field `{picture}` is a file; it is left out if there is no picture. */
export function multipartBody(body: string, values: TemplateValues, picture: Uint8Array | undefined): Body {
  const boundary = `perch-${randomBytes(16).toString('hex')}`;
  const parts = fieldsOf(body).flatMap(({ name, value }) => {
    const head = `--${boundary}${CRLF}Content-Disposition: form-data; name="${quoted(name)}"`;
    if (value.trim() !== '{picture}') {
      return [Buffer.from(head + CRLF + CRLF + fill(value, values, asIs) + CRLF)];
    }
    const file = `; filename="picture.jpg"${CRLF}Content-Type: image/jpeg${CRLF}${CRLF}`;
    return picture ? [Buffer.from(head + file), picture, Buffer.from(CRLF)] : [];
  });
  const end = Buffer.from(`--${boundary}--${CRLF}`);
  return { type: `multipart/form-data; boundary=${boundary}`, bytes: Buffer.concat([...parts, end]) };
}

/** Escapes the name of a field (HTML, multipart/form-data encoding). */
const quoted = (name: string): string => name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
