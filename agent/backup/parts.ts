import { PerchError } from '../base/errors.ts';

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/**
 * Bounds the objects that `JSON.parse` would create: 60 kB compressed can hold twenty million.
 * @param most commas, opening brackets and braces outside of strings
 * @throws PerchError badInput
 */
export function checkParts(json: string, most: number): void {
  let isString = false;
  for (let at = 0, parts = 0; at < json.length; at += 1) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) {
      isString = !isString;
    } else if (isString) {
      at += char === BACKSLASH ? 1 : 0;
    } else if (char === COMMA || char === BRACKET || char === BRACE) {
      parts += 1;
      if (parts > most) {
        throw new PerchError('badInput', `it has more than ${most} parts`);
      }
    }
  }
}

const LINE_END = 0x0a;

/** The same for YAML, where quotes may be open: strings and line ends count as well. @throws PerchError badInput */
export function checkYamlParts(yaml: string, most: number): void {
  for (let at = 0, parts = 0; at < yaml.length; at += 1) {
    const char = yaml.charCodeAt(at);
    if (char === LINE_END || char === COMMA || char === BRACKET || char === BRACE) {
      parts += 1;
      if (parts > most) {
        throw new PerchError('badInput', `it has more than ${most} parts`);
      }
    }
  }
}
